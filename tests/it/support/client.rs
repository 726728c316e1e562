//! Plain HTTP, as any caller would speak it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;

/// A caller of one server.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) replayed: bool,
    pub(crate) duplicates: Option<u64>,
    pub(crate) retry_after: bool,
    pub(crate) content_type: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.json()
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub(crate) fn to(port: u16) -> Client {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Client { agent: config.into(), base: format!("http://127.0.0.1:{port}") }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.try_get("/readyz").is_ok_and(|answer| answer.status == 200)
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    pub(crate) fn try_get(&self, path: &str) -> Result<Answer, ureq::Error> {
        self.agent.get(format!("{}{path}", self.base)).call().and_then(read)
    }

    /// A POST with a key of its own.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with_key(path, body, &fresh_key())
    }

    #[track_caller]
    pub(crate) fn post_with_key(&self, path: &str, body: &Value, key: &str) -> Answer {
        self.try_post(path, body, key).unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    pub(crate) fn try_post(
        &self,
        path: &str,
        body: &Value,
        key: &str,
    ) -> Result<Answer, ureq::Error> {
        self.send(path, "application/json", Some(key), body.to_string().into_bytes())
    }

    /// A POST of bytes as they are.
    pub(crate) fn send(
        &self,
        path: &str,
        content_type: &str,
        key: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Answer, ureq::Error> {
        let mut request =
            self.agent.post(format!("{}{path}", self.base)).header("content-type", content_type);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.send(&body[..]).and_then(read)
    }

    /// A tenant with credits.
    #[track_caller]
    pub(crate) fn tenant_with(&self, id: &str, amount: &str) {
        self.post("/v1/tenants", &json!({"id": id, "name": id})).ok();
        self.post(&format!("/v1/tenants/{id}/grants"), &json!({"amount": amount})).ok();
    }

    /// The last position in the journal.
    #[track_caller]
    pub(crate) fn head(&self) -> u64 {
        let ready = self.get("/readyz").ok();
        ready["journal_position"].as_u64().unwrap_or_else(|| panic!("no position in {ready}"))
    }

    /// A tenant's balance as of everything that is in the journal now.
    #[track_caller]
    pub(crate) fn balance(&self, tenant: &str) -> Value {
        let head = self.head();
        self.get(&format!("/v1/tenants/{tenant}/balance?at_least={head}")).ok()
    }
}

/// A key that nobody has used.
pub(crate) fn fresh_key() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("test-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let header = |name: &str| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let replayed = header("idempotency-replayed").is_some();
    let duplicates = header("quipu-duplicates").and_then(|count| count.parse().ok());
    let retry_after = header("retry-after").is_some();
    let content_type = header("content-type").unwrap_or_default();
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
    Ok(Answer { status, body, replayed, duplicates, retry_after, content_type })
}
