//! The disk refuses to sync the journal's log for a while, and the power goes later.
//!
//! Linux reports a failed sync once. It then takes the pages for written: whoever reads them finds
//! what was written, and no later sync writes them again
//! (<https://www.usenix.org/conference/atc20/presentation/rebello>).

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use super::disk::Promise;
use super::found::Found;
use super::on;
use super::run::{Run, Traced};
use crate::faults::kill_during_import::Random;
use crate::faults::postgres_outage::wait_until;
use crate::support::client::{Client, fresh_key};
use crate::support::server::{Server, free_port, serve};

const DEBITS: &str = "/v1/tenants/t_acme/debits";
/// How often the disk fails; every second time the server is killed meanwhile.
const FAILURES: usize = 4;

#[test]
fn what_could_not_be_synced_is_not_believed_to_be_there() {
    let run = record();
    let mut random = Random(0x5_EED);
    for one in &run.acknowledged {
        let records = run.trace.records_within(one.length);
        for _ in 0..2 {
            let found = Found::after(&run, records, Promise::Kept, &mut random);
            found.verify(&run).unwrap_or_else(|why| panic!("after {}: {why}", one.key));
        }
    }
}

fn record() -> Run {
    let traced = Traced::new();
    let flag = traced.beside("fail");
    let start = || {
        let port = free_port();
        let mut command = traced.follow(on(&traced.disk, serve(port)));
        command.env("TRACE_FAIL_SYNCS", &flag);
        Server::of(command, port)
    };
    let mut server = start();
    let mut acknowledged = Vec::new();
    let mut post = |client: Client, path: &str, body, key: &str| {
        acknowledged.push(traced.post(&client, path, body, key));
    };
    let one = json!({"amount": "1"});
    post(server.client(), "/v1/tenants", json!({"id": "t_acme", "name": "Acme"}), &fresh_key());
    post(server.client(), "/v1/tenants/t_acme/grants", json!({"amount": "1000"}), &fresh_key());
    for failure in 0..FAILURES {
        post(server.client(), DEBITS, one.clone(), &fresh_key());
        fs::write(&flag, "").expect("a file");
        let key = fresh_key();
        let refused = server.client().post_with_key(DEBITS, &one, &key);
        assert_eq!(refused.status, 503, "{}", refused.body);
        let auditor = if failure % 2 == 0 {
            server.kill();
            fs::remove_file(&flag).expect("it is there");
            let auditor = reader(&traced.disk);
            server = start();
            Some(auditor)
        } else {
            fs::remove_file(&flag).expect("it is there");
            wait_until(|| server.client().is_ready());
            None
        };
        post(server.client(), DEBITS, one.clone(), &key);
        post(server.client(), DEBITS, one.clone(), &fresh_key());
        drop(auditor);
    }
    server.kill();
    Run::of(traced, acknowledged)
}

/// Somebody who reads the journal before a server starts, and goes on: with that, the first
/// connection that the server closes is not the last one, which would move the log into the file.
fn reader(disk: &Path) -> Connection {
    let journal = Connection::open(disk.join("book/journal.db")).expect("a file of SQLite's");
    let sql = "select count(*) from journal_batch";
    journal.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a table");
    journal
}
