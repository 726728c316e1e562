//! Talks to a running server, over HTTP like anybody.

mod patience;

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::error::CliError;

pub(crate) use patience::Patience;

/// The longest answer that is read: a page of 1,000 entries is far below it.
const MOST_ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// Where `quipu serve` listens by default.
const DEFAULT_SERVER: &str = "http://127.0.0.1:7171";

/// Which server to talk to.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServerArgs {
    /// The server's address
    #[arg(
        long,
        env = "QUIPU_SERVER",
        hide_env_values = true,
        value_name = "URL",
        default_value = DEFAULT_SERVER
    )]
    pub(crate) server: String,
}

impl ServerArgs {
    /// Where the command line names none: by the environment, then the default.
    pub(crate) fn unsaid() -> ServerArgs {
        let said = std::env::var("QUIPU_SERVER").ok().filter(|value| !value.is_empty());
        ServerArgs { server: said.unwrap_or_else(|| DEFAULT_SERVER.to_owned()) }
    }
}

/// A connection to one server.
pub(crate) struct Client {
    agent: ureq::Agent,
    server: String,
}

/// What the server answered.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body, JSON; null where it is not.
    pub(crate) body: Value,
    /// After how long the server wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    /// How many usage records of the request the book had already.
    pub(crate) duplicates: usize,
    /// Whether the request was sent before, and its answer may have been lost.
    pub(crate) is_retry: bool,
}

/// An id, or any other text, as one part of a path.
pub(crate) fn part(text: &str) -> String {
    let mut part = String::new();
    for byte in text.bytes() {
        match byte {
            // What RFC 3986 (2.3) lets stand for itself everywhere.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                part.push(char::from(byte));
            }
            other => part.push_str(&format!("%{other:02X}")),
        }
    }
    part
}

impl Client {
    /// A client that has not yet connected.
    pub(crate) fn new(args: &ServerArgs) -> Result<Client, CliError> {
        let server = args.server.trim_end_matches('/').to_owned();
        if !server.starts_with("http://") {
            return Err(CliError::Malformed {
                what: format!("{server:?} is not a server's address"),
                hint: "write it as http://HOST:PORT, such as http://127.0.0.1:7171".into(),
            });
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(5)))
            .timeout_global(Some(Duration::from_secs(60)));
        Ok(Client { agent: config.build().into(), server })
    }

    /// Reads a resource; anything but success is an error.
    pub(crate) fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, CliError> {
        let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
        let sent = self.agent.get(self.url(path)).query_pairs(pairs).call();
        self.answer(sent)?.success()
    }

    /// Reads a resource byte for byte; anything but success is an error.
    pub(crate) fn get_text(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<String, CliError> {
        let pairs = query.iter().map(|(name, value)| (*name, value.as_str()));
        let sent = self.agent.get(self.url(path)).query_pairs(pairs).call();
        let (answer, text) = self.answer_with_text(sent)?;
        answer.success().map(|_| text)
    }

    /// Reads a resource of the views once they have everything that was acknowledged before.
    pub(crate) fn get_caught_up(
        &self,
        path: &str,
        mut query: Vec<(&str, String)>,
    ) -> Result<Value, CliError> {
        query.push(("at_least", self.head()?.to_string()));
        self.get(path, &query)
    }

    /// The journal's last position.
    pub(crate) fn head(&self) -> Result<u64, CliError> {
        self.head_of(self.ready()?)
    }

    /// Whether commands are taken, and how far everything is.
    pub(crate) fn ready(&self) -> Result<Answer, CliError> {
        self.answer(self.agent.get(self.url("/readyz")).call())
    }

    /// The journal's last position in what [`Client::ready`] answered.
    pub(crate) fn head_of(&self, ready: Answer) -> Result<u64, CliError> {
        match ready.body["journal_position"].as_u64() {
            Some(position) => Ok(position),
            None => ready.success().and_then(|_| Err(self.not_understood())),
        }
    }

    /// Sends a body. The key makes sending it twice the same as sending it once.
    pub(crate) fn post(
        &self,
        path: &str,
        idempotency_key: Option<&str>,
        body: &impl Serialize,
    ) -> Result<Answer, CliError> {
        let mut request = self.agent.post(self.url(path));
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.answer(request.send_json(body))
    }

    /// The event that a command was answered with, which says that it was done. Any other answer,
    /// as that of another program at this address, says nothing.
    pub(crate) fn recorded(&self, answer: Answer, event_type: &str) -> Result<Value, CliError> {
        let event = answer.success()?;
        if event["type"] == event_type && event["position"].is_u64() {
            return Ok(event);
        }
        Err(self.not_understood())
    }

    /// An answer that is none of quipu's.
    pub(crate) fn not_understood(&self) -> CliError {
        CliError::Unavailable {
            what: format!("the server at {} gave an answer that is not understood", self.server),
            hint: "check that it is a quipu server of the same version".into(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    fn answer(
        &self,
        sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Answer, CliError> {
        self.answer_with_text(sent).map(|(answer, _)| answer)
    }

    fn answer_with_text(
        &self,
        sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<(Answer, String), CliError> {
        let mut response = sent.map_err(|error| self.not_reached(&error))?;
        let text = response.body_mut().with_config().limit(MOST_ANSWER_BYTES).read_to_string();
        let text = text.map_err(|error| self.not_reached(&error))?;
        let header = |name| response.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
        let answer = Answer {
            status: response.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or_default(),
            retry_after: header("retry-after").map(Duration::from_secs),
            duplicates: header("quipu-duplicates")
                .and_then(|number| number.try_into().ok())
                .unwrap_or_default(),
            is_retry: false,
        };
        Ok((answer, text))
    }

    fn not_reached(&self, error: &ureq::Error) -> CliError {
        let hint = match error {
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                "start one with `quipu serve`, or name another with --server"
            }
            ureq::Error::Timeout(_) => "it is busy or stopped; look at its log and try again",
            _ => "check that it is a quipu server, and try again",
        };
        CliError::Unavailable {
            what: format!("no answer from the server at {}: {error}", self.server),
            hint: hint.into(),
        }
    }
}

impl Answer {
    /// The body of a successful answer; anything else is an error.
    pub(crate) fn success(self) -> Result<Value, CliError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let what = self.problem();
        let hint = self.body["hint"].as_str().unwrap_or(match self.status {
            404 => "check the id; a server keeps one book, see --server",
            429 | 503 => "try again in a moment",
            _ => "see /docs on the server for what it takes",
        });
        let hint = hint.to_owned();
        // Nothing that time mends.
        if matches!(self.code(), Some("book_does_not_hold" | "checkpoint_unreachable")) {
            return Err(CliError::NotVerified { what });
        }
        Err(match self.status {
            // What was sent is what the command line or a file said.
            400 => CliError::Malformed { what, hint },
            429 | 500.. => CliError::Unavailable { what, hint },
            _ => CliError::Refused { what, hint },
        })
    }

    /// The stable code of a problem.
    pub(crate) fn code(&self) -> Option<&str> {
        self.body["code"].as_str()
    }

    /// Code and detail of a problem, for people.
    fn problem(&self) -> String {
        let code = self.code().map_or_else(|| format!("status {}", self.status), str::to_owned);
        match self.body["detail"].as_str().or_else(|| self.body["title"].as_str()) {
            Some(detail) => format!("{code}: {detail}"),
            None => code,
        }
    }
}
