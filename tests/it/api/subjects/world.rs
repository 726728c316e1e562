//! A book, and whatever it leaves behind anywhere, for a search through all of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use memchr::memmem;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use quipu_testkit::{postgres, sqlite};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::server::{Server, program, run_on};
use crate::support::store::Store;

/// A book whose files can all be looked at.
pub(super) struct World {
    pub(super) store: Store,
    /// Everything that the store writes.
    files: PathBuf,
    /// Everything that leaves the book: logs, exports, replays, proofs, dumps.
    left: TempDir,
    cluster: Option<postgres::Server>,
}

impl World {
    pub(super) fn on_sqlite() -> World {
        let store = Store::sqlite();
        let files = store.folder().expect("SQLite has a folder").to_owned();
        World { store, files, left: sqlite::folder(), cluster: None }
    }

    /// On a cluster of its own, which logs every statement with its parameters.
    pub(super) fn on_postgres() -> World {
        let cluster = postgres::Server::own();
        let url = cluster.database();
        cluster.psql(&url, "ALTER SYSTEM SET log_statement = 'all'").expect("it is set");
        cluster.psql(&url, "SELECT pg_reload_conf()").expect("it is read");
        let (store, files) = (Store::Postgres(url), cluster.folder().to_owned());
        World { store, files, left: sqlite::folder(), cluster: Some(cluster) }
    }

    /// Serves the book, signs checkpoints, and logs all that can be logged.
    pub(super) fn serve(&self) -> Server {
        Server::start_tracing(&self.store, &["--keys", &self.path("keys")])
    }

    /// Ends a server, and keeps its log.
    pub(super) fn stop(&self, server: Server) {
        let log = self.path(&format!("{}.log", server.port));
        let said = server.stop();
        // What is beneath SQLite logs nothing.
        assert!(self.cluster.is_none() || said.contains("TRACE"), "it logged all it could");
        fs::write(log, said).expect("written");
    }

    /// Writes the book in every format there is, proves an event of it, and keeps what the programs
    /// said meanwhile.
    pub(super) fn leave_everything(&self, moment: &str, event: &Value) {
        fs::create_dir(self.path(moment)).expect("a new folder");
        let in_it = |name: &str| self.path(&format!("{moment}/{name}"));
        let year = jiff::Timestamp::now().strftime("%Y").to_string();
        let sie = ["--year", &year, "--company", "Exempel AB", "--rate", "0.1"];
        let focus = ["--provider", "Example AB", "--currency", "USD", "--rate", "0.01"];
        let formats: [(&str, &[&str]); 8] = [
            ("journal", &[]),
            ("hledger", &["--assertions"]),
            ("beancount", &["--assertions"]),
            ("sie", &sie),
            ("sie", &[&sie[..], &["--type", "4i"]].concat()),
            ("focus", &focus),
            ("focus", &[&focus[..], &["--focus-version", "1.2"]].concat()),
            ("parquet", &["events"]),
        ];
        let tables = quipu_projections::all().iter().flat_map(|projection| {
            projection.rows().sorted().into_iter().map(|(schema, _)| ["parquet", schema.name])
        });
        let tables: Vec<[&str; 2]> = tables.collect();
        let formats = formats.map(|(format, options)| [&[format], options].concat());
        let all = formats.into_iter().chain(tables.iter().map(|table| table.to_vec()));
        for (number, format) in all.enumerate() {
            let file = in_it(&format!("{number}.{}", format[0]));
            self.run(&[&["export"], &format[..], &["--output", &file]].concat(), &file);
            if format[0] == "parquet" {
                fs::write(format!("{file}.rows"), parquet_rows(&file)).expect("written");
            }
        }
        let (then, out) = (in_it("then.db"), in_it("proofs"));
        fs::create_dir(&out).expect("a new folder");
        let event = event.to_string();
        for verb in [
            &["replay", "--to", &then][..],
            &["diff", &then],
            &["verify", "--json"],
            &["checkpoint"],
            &["prove", &event, "--out", &out],
        ] {
            self.run(verb, &in_it(verb[0]));
        }
        self.dump(&in_it("dump.sql"));
    }

    /// The contents of all tables, also where the files have them compressed.
    fn dump(&self, to: &str) {
        let dumps: Vec<Output> = match &self.store {
            Store::Sqlite(folder) => {
                let files = ["journal.db", "views.db", "proofs.db"].map(|f| folder.path().join(f));
                let dump = |file: &PathBuf| Command::new("sqlite3").arg(file).arg(".dump").output();
                files.iter().map(|file| dump(file).expect("sqlite3 runs")).collect()
            }
            Store::Postgres(url) => {
                let dump = Command::new("pg_dump")
                    .env("PGOPTIONS", "-c bytea_output=escape")
                    .arg(url)
                    .output();
                vec![dump.expect("pg_dump runs")]
            }
        };
        assert!(dumps.iter().all(|dump| dump.status.success()), "{dumps:?}");
        let dumps: Vec<u8> = dumps.into_iter().flat_map(|dump| dump.stdout).collect();
        assert!(memmem::find(&dumps, b"sealed:t_gone:").is_some(), "texts stand in it as they are");
        fs::write(to, dumps).expect("written");
    }

    fn run(&self, verb: &[&str], said: &str) {
        let mut command = program();
        command.args(verb).env("QUIPU_LOG", "trace");
        self.store.give_to(&mut command);
        let output = command.output().expect("the program starts");
        let all = [&output.stdout[..], &output.stderr[..]].concat();
        assert!(output.status.success(), "{verb:?}: {}", String::from_utf8_lossy(&all));
        fs::write(format!("{said}.said"), all).expect("written");
    }

    /// How many files hold these bytes, or their hex digits: of the store and its logs, of what
    /// left the book, and of the keys.
    pub(super) fn files_with(&self, wanted: &[u8]) -> Vec<PathBuf> {
        if let (Some(cluster), Store::Postgres(url)) = (&self.cluster, &self.store) {
            cluster.psql(url, "CHECKPOINT").expect("it is written out");
        }
        let hex: String = wanted.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut found = Vec::new();
        for folder in [&self.files, self.left.path(), &self.store.subject_keys()] {
            search(folder, &[wanted, hex.as_bytes()], &mut found);
        }
        found
    }

    /// Verifies the book, also against what it was; its position and root.
    pub(super) fn verified_root(&self, expected: Option<&str>) -> String {
        let mut verb = vec!["verify", "--json"];
        verb.extend(expected.into_iter().flat_map(|expected| ["--expect", expected]));
        let output = run_on(&self.store, &verb);
        assert!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        format!("{}:{}", report["position"], report["root"].as_str().expect("a root"))
    }

    fn path(&self, name: &str) -> String {
        self.left.path().join(name).display().to_string()
    }
}

fn search(path: &Path, wanted: &[&[u8]], found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        // A running PostgreSQL removes files while they are listed.
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            search(&entry.path(), wanted, found);
        }
    } else if let Ok(bytes) = fs::read(path)
        && wanted.iter().any(|wanted| memmem::find(&bytes, wanted).is_some())
    {
        found.push(path.to_owned());
    }
}

/// What stands in a Parquet file, which compresses it.
fn parquet_rows(file: &str) -> String {
    let file = fs::File::open(file).expect("it is there");
    let file = SerializedFileReader::new(file).expect("Parquet");
    let rows = file.get_row_iter(None).expect("rows");
    rows.map(|row| format!("{}\n", row.expect("a row"))).collect()
}
