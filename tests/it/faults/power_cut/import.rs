//! The power goes while an export becomes a book, or just after.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::disk::{Promise, Trace};
use super::run::Traced;
use super::{on, verify};
use crate::api::usage::{prices, record};
use crate::cli::import_usage::talk;
use crate::faults::kill_during_import::Random;
use crate::support::server::{Server, program, run_on};
use crate::support::store::Store;

/// In the middle of it; after its end there are half as many.
const CUTS: usize = 12;
/// Some of an import's transactions, in requests of so many records.
const REQUESTS: usize = 9;
const RECORDS: usize = 1_000;

#[test]
fn an_import_goes_on_after_a_power_cut_and_one_that_ended_stays() {
    let files = TempDir::new().expect("a folder");
    let file = files.path().join("book.jsonl");
    export(&file);
    let traced = Traced::new();
    let said = import(traced.follow(on(&traced.disk, program())), &file).expect("it ends");
    assert!(said["added"].as_u64().expect("a number") > (REQUESTS * RECORDS) as u64);
    let trace = traced.read();

    let mut random = Random(0x1_3907);
    for _ in 0..CUTS {
        let records = random.index(trace.len());
        let lost = |why| panic!("after {records} of {} records: {why}", trace.len());
        again(&trace, records, Promise::Kept, &mut random, &file, &said).unwrap_or_else(lost);
    }
    let mut stays = |promise| {
        let mut again = || again(&trace, trace.len(), promise, &mut random, &file, &said);
        (0..CUTS / 2).all(|_| again().is_ok_and(|added| added == 0))
    };
    assert!(stays(Promise::Kept), "what was imported is there");
    // With a disk that does not keep its word: this test can fail.
    assert!(!stays(Promise::BrokenFor(".db")), "what was never synced is missed");
}

/// A book that is large enough, exported.
fn export(file: &Path) {
    let store = Store::sqlite();
    let server = Server::start(&store);
    let client = server.client();
    prices(&client);
    client.tenant_with("t_book", "1000000");
    for request in 0..REQUESTS {
        let numbers = request * RECORDS..(request + 1) * RECORDS;
        let records: Vec<Value> = numbers.map(|number| record("t_book", number)).collect();
        client.post("/v1/usage", &Value::from(records)).ok();
    }
    server.stop();
    let name = file.to_str().expect("UTF-8");
    let output = run_on(&store, &["export", "journal", "--output", name]);
    assert!(output.status.success(), "{}", talk(&output));
}

/// What it says, or why it ended early.
fn import(mut command: Command, file: &Path) -> Result<Value, String> {
    let output = command.args(["--json", "import", "journal"]).arg(file).output();
    let output = output.expect("the program starts");
    let failed = |_| talk(&output);
    serde_json::from_slice(&output.stdout).map_err(failed)
}

/// Imports into what is left; the book is whole then. How many events were added.
fn again(
    trace: &Trace,
    records: usize,
    promise: Promise,
    random: &mut Random,
    file: &Path,
    said: &Value,
) -> Result<u64, String> {
    let disk = TempDir::new().expect("a folder");
    trace.cut(records, promise, random, disk.path());
    let again = import(on(disk.path(), program()), file)?;
    assert_eq!((&again["position"], &again["root"]), (&said["position"], &said["root"]));
    let verified = verify(disk.path()).output().expect("the program starts");
    let added = again["added"].as_u64().expect("a number");
    verified.status.success().then_some(added).ok_or_else(|| talk(&verified))
}
