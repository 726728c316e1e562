//! The real program as a process: started, killed, started again.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use quipu_testkit::environment::without_variables;
use tempfile::NamedTempFile;

use super::client::Client;
use super::store::Store;

/// The program, without anything of this machine's environment that it would read.
pub(crate) fn program() -> Command {
    let mut command = Command::new(built().join("quipu"));
    without_variables(&mut command, "QUIPU_");
    command
}

/// The program told to serve on a port, on no store yet.
pub(crate) fn serve(port: u16) -> Command {
    let mut command = program();
    command.args(["serve", "--listen", &format!("127.0.0.1:{port}")]);
    command
}

/// The verifier that shares no code with it.
pub(crate) fn verifier() -> Command {
    Command::new(built().join("quipu-verify"))
}

/// Where both are, built once per test run as the tests are.
fn built() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "quipu", "--package", "quipu-verify", "--bins"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .status()
            .expect("cargo runs, because it runs this test");
        assert!(built.success(), "the programs build");
        let test = std::env::current_exe().expect("this test has a path");
        test.ancestors().nth(2).expect("target/PROFILE/deps/it").to_owned()
    })
}

/// Runs a verb on a store that no server needs to serve.
pub(crate) fn run_on(store: &Store, verb: &[&str]) -> Output {
    let mut command = program();
    command.args(verb);
    store.give_to(&mut command);
    command.output().expect("the program starts")
}

/// Asserts that `quipu verify` finds nothing wrong.
#[track_caller]
pub(crate) fn assert_verifies(store: &Store) {
    let output = run_on(store, &["verify", "--json"]);
    assert!(
        output.status.success(),
        "verify: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// What a server says that does not start.
pub(crate) fn refused_start(store: &Store, more: &[&str]) -> Output {
    let mut command = serve(0);
    command.args(more);
    store.give_to(&mut command);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().expect("it can be waited for").is_none() {
        if Instant::now() > deadline {
            drop(child.kill());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("it has ended")
}

/// A running server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    log: NamedTempFile,
}

impl Server {
    pub(crate) fn start(store: &Store) -> Server {
        Server::start_on(store, free_port())
    }

    /// Starts on a port and waits until it is ready.
    pub(crate) fn start_on(store: &Store, port: u16) -> Server {
        Server::launch(store, port, &[], None)
    }

    /// Starts with more arguments.
    pub(crate) fn start_with(store: &Store, more: &[&str]) -> Server {
        Server::launch(store, free_port(), more, None)
    }

    /// Starts one that logs whatever it and its libraries can log.
    pub(crate) fn start_tracing(store: &Store, more: &[&str]) -> Server {
        Server::launch(store, free_port(), more, Some("trace"))
    }

    fn launch(store: &Store, port: u16, more: &[&str], level: Option<&str>) -> Server {
        let mut command = serve(port);
        command.args(more).envs(level.map(|level| ("QUIPU_LOG", level)));
        store.give_to(&mut command);
        Server::of(command, port)
    }

    /// Starts one on a book that another server has, once it says that it waits for that one.
    pub(crate) fn start_waiting(store: &Store) -> Server {
        Server::start_held_up(store, "waiting for it to end")
    }

    /// Starts one that cannot go on, once it says why.
    pub(crate) fn start_held_up(store: &Store, why: &str) -> Server {
        let port = free_port();
        let mut command = serve(port);
        store.give_to(&mut command);
        let server = Server::spawn(command, port);
        server.wait_until("held up", |server| server.said().contains(why));
        server
    }

    /// What a command starts, once it is ready on that port.
    pub(crate) fn of(command: Command, port: u16) -> Server {
        let server = Server::spawn(command, port);
        server.wait_until_ready();
        server
    }

    pub(crate) fn wait_until_ready(&self) {
        self.wait_until("ready", |server| server.client().is_ready());
    }

    /// What a command starts, ready or not.
    pub(crate) fn spawn(mut command: Command, port: u16) -> Server {
        // Not a pipe: a server never waits for a file.
        let log = NamedTempFile::new().expect("the system's folder can be written to");
        let child = command
            .stdout(Stdio::null())
            .stderr(log.reopen().expect("it is there"))
            .spawn()
            .expect("the program starts");
        Server { child, port, log }
    }

    fn wait_until(&self, what: &str, is_so: impl Fn(&Server) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "not {what} after a minute; it: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::to(self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it has logged up to now.
    pub(crate) fn said(&self) -> String {
        let log = std::fs::read(self.log.path()).expect("it is there");
        String::from_utf8_lossy(&log).into_owned()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_none()
    }

    /// Its exit code, once it has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.try_wait().expect("it can be waited for").and_then(|status| status.code())
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: what `kill -9` sends. Returns what it had logged.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        self.said()
    }

    /// SIGTERM, and waits for the drain. Returns all that it logged.
    pub(crate) fn stop(mut self) -> String {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(killed.expect("kill runs").success());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "a stopped server exits with 0, not {status}");
        self.said()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    listener.local_addr().expect("it is bound").port()
}
