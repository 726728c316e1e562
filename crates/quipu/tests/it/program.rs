//! Runs the program, and a server of it on a free port.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use quipu_testkit::environment::without_variables;
use serde_json::Value;
use tempfile::TempDir;

/// The program, without anything of this machine's environment that it would read.
pub(crate) fn quipu(arguments: &[&str]) -> Command {
    quipu_at(Path::new(env!("CARGO_BIN_EXE_quipu")), arguments)
}

/// The same, where the program is a copy.
pub(crate) fn quipu_at(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    without_variables(&mut command, "QUIPU_");
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Run {
    Run::of(&mut quipu(arguments))
}

/// What it left.
pub(crate) struct Run(Output);

impl Run {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Run {
        Run(command.output().expect("the program was built with this test"))
    }

    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().expect("it was not killed")
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).expect("UTF-8")
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).expect("JSON")
    }

    /// Both outputs and the exit code, with what differs from run to run taken out.
    pub(crate) fn redacted(&self, server: &Server) -> String {
        let text = format!("{}{}exit code {}", self.out(), self.err(), self.code());
        redact(&text.replace(&server.url, "URL").replace(&server.data(), "DATA"))
    }
}

/// A hash, a signature or a verifier key.
fn is_base64(word: &str) -> bool {
    let digit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let key = word.rsplit_once("/e1+").map_or(word, |(_, key)| key);
    key.len() >= 44 && key.bytes().all(digit)
}

/// Takes out times, long hexadecimal numbers and the widths that they lead to.
pub(crate) fn redact(text: &str) -> String {
    let word = |word: &str| {
        let plain = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_time = plain.len() >= 20 && plain.ends_with('Z') && plain.contains('T');
        let hex = plain.rsplit(':').next().unwrap_or_default();
        let is_hash = hex.len() >= 16 && hex.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        let base64 = word.trim_matches([',', '"']).rsplit("\\n").find(|part| is_base64(part));
        let is_micros = plain.len() == 16 && plain.bytes().all(|b| b.is_ascii_digit());
        // A key may end like a time, and a time never looks like a key.
        match (is_micros, is_hash, base64, is_time) {
            (true, ..) => word.replace(plain, "TIME"),
            (_, true, ..) => word.replace(hex, "HEX"),
            (_, _, Some(base64), _) => word.replace(base64, "BASE64"),
            (.., true) => word.replace(plain, "TIME"),
            _ => word.to_owned(),
        }
    };
    let line = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<String> = line.split_whitespace().map(word).collect();
        format!("{}{}", " ".repeat(indent.min(6)), words.join(" "))
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A server of a new book.
pub(crate) struct Server {
    pub(crate) url: String,
    verb: Vec<&'static str>,
    /// Where its book is, as arguments.
    pub(crate) place: [String; 2],
    folder: TempDir,
    subject_keys: TempDir,
    child: Child,
}

impl Server {
    /// On SQLite.
    pub(crate) fn start() -> Server {
        Server::on_sqlite(&["serve"])
    }

    /// On PostgreSQL.
    pub(crate) fn start_on_postgres() -> Server {
        let database = quipu_testkit::postgres::database();
        let folder = quipu_testkit::sqlite::folder();
        Server::of(&["serve"], ["--database".to_owned(), database], folder)
    }

    /// The demo, on SQLite.
    pub(crate) fn start_demo() -> Server {
        Server::on_sqlite(&["demo", "--speed", "3600"])
    }

    fn on_sqlite(verb: &[&'static str]) -> Server {
        let folder = quipu_testkit::sqlite::folder();
        let place = ["--data".to_owned(), folder.path().display().to_string()];
        Server::of(verb, place, folder)
    }

    fn of(verb: &[&'static str], place: [String; 2], folder: TempDir) -> Server {
        let subject_keys = quipu_testkit::sqlite::folder();
        let (child, url) = spawn(verb, &place, &subject_keys);
        Server { url, verb: verb.to_vec(), place, folder, subject_keys, child }
    }

    /// A folder of its own; where it is on SQLite, its book is there.
    pub(crate) fn data(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Runs the program on its book.
    pub(crate) fn on_book(&self, arguments: &[&str]) -> Run {
        let place = self.place.each_ref().map(String::as_str);
        run(&[arguments, &place].concat())
    }

    /// Ends it as a supervisor does, and gives its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill exists");
        self.child.wait().expect("it is a child of this process").code()
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is a child of this process");
    }

    /// Starts it again on the same book.
    pub(crate) fn restart(&mut self) {
        (self.child, self.url) = spawn(&self.verb, &self.place, &self.subject_keys);
    }

    /// Reads a resource.
    pub(crate) fn get(&self, path: &str) -> Value {
        let mut answer = ureq::get(format!("{}{path}", self.url)).call().expect("it is there");
        answer.body_mut().read_json().expect("JSON")
    }

    /// Sends a command that is expected to be accepted.
    pub(crate) fn post(&self, path: &str, key: &str, body: &Value) -> Value {
        let sent = ureq::post(format!("{}{path}", self.url)).header("Idempotency-Key", key);
        let mut answer = sent.send_json(body).expect("the server accepts it");
        answer.body_mut().read_json().expect("JSON")
    }

    /// A tenant with credits, a meter and a price of its own.
    pub(crate) fn with_tenant(self) -> Server {
        use serde_json::json;
        self.post("/v1/tenants", "tenant", &json!({ "id": "t_acme", "name": "Acme" }));
        let grant = json!({ "amount": "500", "kind": "paid", "source": "order 4711" });
        self.post("/v1/tenants/t_acme/grants", "grant", &grant);
        let since = "2020-01-01T00:00:00Z";
        let prices = json!({
            "effective_at": since,
            "models": { "small": { "input": "1", "cached_input": "0.1", "output": "5" } },
        });
        self.post("/v1/price-tables/models/prices", "prices", &prices);
        self.post("/v1/meters", "meter", &json!({ "name": "llm_tokens", "aggregation": "sum" }));
        let price = json!({
            "effective_at": since,
            "price": { "model": "tokens", "price_table": "models" },
        });
        self.post("/v1/meters/llm_tokens/prices", "meter-price", &price);
        self
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been terminated already.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn spawn(verb: &[&str], place: &[String; 2], subject_keys: &TempDir) -> (Child, String) {
    let more = [place[0].as_str(), &place[1], "--listen", "127.0.0.1:0"];
    let mut child = quipu(&[verb, &more].concat())
        .env("QUIPU_SUBJECT_KEYS", subject_keys.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program was built with this test");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let url = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            rest.split_whitespace().next().map(str::to_owned)
        })
        .expect("it says where it listens");
    // A full pipe would stop the server.
    thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (child, url)
}
