//! The disk refuses to sync a log of SQLite's for a while, and the power goes later.
//!
//! Linux reports a failed sync once. It then takes the pages for written: whoever reads them finds
//! what was written, and no later sync writes them again
//! (<https://www.usenix.org/conference/atc20/presentation/rebello>).

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::disk::Promise;
use super::found::Found;
use super::on;
use super::run::{Acknowledged, Run, Traced};
use crate::faults::kill_during_import::Random;
use crate::faults::postgres_outage::wait_until;
use crate::support::client::fresh_key;
use crate::support::server::{Server, free_port, serve};

const DEBITS: &str = "/v1/tenants/t_acme/debits";
/// How often the disk fails; every second time the server is killed meanwhile.
const FAILURES: usize = 4;

#[test]
fn what_could_not_be_synced_is_not_believed_to_be_there() {
    let run = record(journal_fails);
    let mut random = Random(0x5_EED);
    for one in &run.acknowledged {
        let records = run.trace.records_within(one.length);
        for _ in 0..2 {
            let found = Found::after(&run, records, Promise::Kept, &mut random);
            found.verify(&run).unwrap_or_else(|why| panic!("after {}: {why}", one.key));
        }
    }
}

/// A server that ends moves the views' log into their file, for which the log has to be synced, and
/// the next one does it where that one could not.
#[test]
fn views_are_not_made_of_what_could_not_be_synced() {
    let run = record(views_fail);
    let mut random = Random(0x5_EED);
    for two in run.acknowledged.windows(2) {
        let [from, to] = [0, 1].map(|index| run.trace.records_within(two[index].length));
        for _ in 0..4 {
            let records = from + random.index(to - from);
            let found = Found::after(&run, records, Promise::Kept, &mut random);
            found.verify(&run).unwrap_or_else(|why| panic!("after {records} records: {why}"));
        }
    }
}

fn record(work: fn(&mut Recorder)) -> Run {
    let traced = Traced::new();
    let flag = traced.beside("fail");
    let mut recorder = Recorder { traced, flag, acknowledged: Vec::new() };
    work(&mut recorder);
    Run::of(recorder.traced, recorder.acknowledged)
}

struct Recorder {
    traced: Traced,
    flag: PathBuf,
    acknowledged: Vec<Acknowledged>,
}

impl Recorder {
    fn start(&self) -> Server {
        let port = free_port();
        let mut command = self.traced.follow(on(&self.traced.disk, serve(port)));
        command.env("TRACE_FAIL_SYNCS", &self.flag);
        Server::of(command, port)
    }

    fn post(&mut self, server: &Server, path: &str, body: Value, key: &str) {
        self.acknowledged.push(self.traced.post(&server.client(), path, body, key));
    }

    fn debit(&mut self, server: &Server, key: &str) {
        self.post(server, DEBITS, json!({"amount": "1"}), key);
    }

    fn make_tenant(&mut self, server: &Server) {
        let tenant = json!({"id": "t_acme", "name": "Acme"});
        self.post(server, "/v1/tenants", tenant, &fresh_key());
        let grant = json!({"amount": "1000"});
        self.post(server, "/v1/tenants/t_acme/grants", grant, &fresh_key());
    }

    /// From here on, this file cannot be synced.
    fn refuse(&self, file: &str) {
        fs::write(&self.flag, file).expect("a file");
    }

    fn mend(&self) {
        fs::remove_file(&self.flag).expect("it is there");
    }
}

fn journal_fails(recorder: &mut Recorder) {
    let mut server = recorder.start();
    recorder.make_tenant(&server);
    for failure in 0..FAILURES {
        recorder.debit(&server, &fresh_key());
        recorder.refuse("journal.db-wal");
        let key = fresh_key();
        let refused = server.client().post_with_key(DEBITS, &json!({"amount": "1"}), &key);
        assert_eq!(refused.status, 503, "{}", refused.body);
        let auditor = if failure % 2 == 0 {
            server.kill();
            recorder.mend();
            let auditor = reader(&recorder.traced.disk);
            server = recorder.start();
            Some(auditor)
        } else {
            recorder.mend();
            wait_until(|| server.client().is_ready());
            None
        };
        recorder.debit(&server, &key);
        recorder.debit(&server, &fresh_key());
        drop(auditor);
    }
    server.kill();
}

fn views_fail(recorder: &mut Recorder) {
    let mut server = recorder.start();
    recorder.make_tenant(&server);
    for _ in 0..FAILURES {
        recorder.debit(&server, &fresh_key());
        // The views have it.
        server.client().balance("t_acme");
        recorder.refuse("views.db-wal");
        server.stop();
        recorder.mend();
        server = recorder.start();
        recorder.debit(&server, &fresh_key());
    }
    server.kill();
}

/// Somebody who reads the journal before a server starts, and goes on: with that, the first
/// connection that the server closes is not the last one, which would move the log into the file.
fn reader(disk: &Path) -> Connection {
    let journal = Connection::open(disk.join("book/journal.db")).expect("a file of SQLite's");
    let sql = "select count(*) from journal_batch";
    journal.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a table");
    journal
}
