//! A PostgreSQL server of the tests' own, on a unix socket in a temporary folder.
//!
//! Needs the server programs on the machine (Debian: `apt-get install postgresql`), not a running
//! server. They refuse to run as root, so root drops to the account `postgres`.

mod programs;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use programs::Programs;

/// Waits until whoever holds the other end of its input is gone, then clears up. A process of its
/// own, because nothing inside the test process runs when that is killed.
const WATCHER: &str = r#"trap "" INT TERM HUP
read -r _
"$1" stop -D "$2/data" -m immediate >/dev/null 2>&1
rm -rf "$2""#;

/// A running server, which ends with the process that started it, however that ends.
pub struct Server {
    programs: Programs,
    folder: PathBuf,
    databases: AtomicU64,
    watcher: Child,
}

/// A new, empty database on the server that all tests of this process share; its URL.
#[must_use]
pub fn database() -> String {
    Server::start().database()
}

/// Whether this machine has the server's programs.
#[must_use]
pub fn is_installed() -> bool {
    Programs::find().exist()
}

impl Server {
    /// The server that all tests of this process share.
    pub fn start() -> &'static Server {
        static SHARED: LazyLock<Server> = LazyLock::new(Server::own);
        &SHARED
    }

    /// A server of the caller's own, to be stopped and started at will.
    #[must_use]
    pub fn own() -> Server {
        let programs = Programs::find();
        let folder = programs.folder();
        let watcher = programs
            .command("sh")
            .args(["-c", WATCHER, "sh"])
            .arg(programs.path("pg_ctl"))
            .arg(&folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh can be started");
        let server = Server { programs, folder, databases: AtomicU64::new(0), watcher };
        let data = server.data();
        server.run("initdb", &["-N", "-A", "trust", "-U", "postgres", "--no-locale"], |command| {
            command.args(["-E", "UTF8", "-D"]).arg(&data)
        });
        let settings = format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = on\n\
             shared_buffers = 32MB\nmax_connections = 200\n",
            server.folder.display()
        );
        let file = data.join("postgresql.auto.conf");
        std::fs::write(file, settings).expect("a new cluster's settings can be written");
        server.start_again();
        server
    }

    /// A new, empty database; its URL.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run("createdb", &["-U", "postgres", "-h"], |command| {
            command.arg(&self.folder).arg(&name)
        });
        format!("postgres://postgres@/{name}?host={}", self.folder.display())
    }

    /// What `psql` alone prints for a statement: values separated by `|`, or its complaint.
    pub fn psql(&self, url: &str, sql: &str) -> Result<String, String> {
        let database = url.rsplit('/').find_map(|part| part.split_once("?host=").map(|p| p.0));
        let output = self
            .programs
            .command(self.programs.path("psql"))
            .args(["-X", "-A", "-t", "-U", "postgres", "-c", sql, "-h"])
            .arg(&self.folder)
            .args(["-d", database.unwrap_or("postgres")])
            .output()
            .expect("psql can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Stops it as a crash would: nothing is written out, the next start recovers.
    pub fn stop_immediate(&self) {
        self.run("pg_ctl", &["stop", "-m", "immediate", "-D"], |command| command.arg(self.data()));
    }

    /// Starts it after it was stopped, and returns when it takes connections.
    pub fn start_again(&self) {
        self.run("pg_ctl", &["start", "-w", "-t", "120", "-D"], |command| {
            command.arg(self.data()).arg("-l").arg(self.folder.join("log"))
        });
    }

    /// Where everything is that it writes: the cluster, its write-ahead log, its own log.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn run(
        &self,
        program: &str,
        arguments: &[&str],
        more: impl FnOnce(&mut std::process::Command) -> &mut std::process::Command,
    ) {
        let mut command = self.programs.command(self.programs.path(program));
        // Not a pipe: the server would inherit it, and hold it open for as long as it runs.
        let log = Path::new(&self.folder).join(format!("{program}.log"));
        let output = std::fs::File::create(&log).expect("the server's folder can be written to");
        let errors = output.try_clone().expect("a file can be shared");
        more(command.args(arguments))
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let status = command.status().expect("PostgreSQL's programs can be started");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(status.success(), "{program} failed: {}", said());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        // It cannot be helped any more if the watcher has been killed.
        let _ = self.watcher.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_survives_a_crash_and_leaves_nothing_behind() {
        let server = Server::own();
        let (one, two) = (server.database(), server.database());
        server.psql(&one, "CREATE TABLE only_here ()").unwrap();
        server.stop_immediate();
        assert!(server.psql(&one, "SELECT 1").is_err());
        server.start_again();
        assert_eq!(server.psql(&one, "SELECT count(*) FROM only_here").unwrap(), "0");
        assert!(server.psql(&two, "SELECT count(*) FROM only_here").is_err());
        let folder = server.folder.clone();
        assert!(folder.exists());
        drop(server);
        assert!(!folder.exists());
    }
}
