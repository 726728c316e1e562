//! `quipu verify` on a book that somebody has changed behind Quipu's back, elsewhere than in its rows.

use std::path::Path;
use std::time::{Duration, Instant};

use quipu::exit_codes;
use serde_json::json;

use crate::program::{Run, Server};

/// A book at rest with a wallet of 500 credits, of which 40 were spent one by one.
fn book() -> Server {
    let mut server = Server::start().with_tenant();
    for number in 0..40 {
        debit(&server, number);
    }
    signed(&server, 45);
    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    let verified = server.on_book(&["verify"]);
    assert!(verified.out().contains("\nThe book holds. "), "{}", verified.out());
    server
}

fn debit(server: &Server, number: u32) {
    let key = format!("debit-{number}");
    server.post("/v1/tenants/t_acme/debits", &key, &json!({ "amount": "1" }));
}

/// Waits until a checkpoint of so many events is published.
fn signed(server: &Server, events: u64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let listed = server.get("/v1/checkpoints?limit=1000");
        let newest = listed["checkpoints"].as_array().and_then(|all| all.last().cloned());
        if newest.is_some_and(|newest| newest["size"] == events) {
            return;
        }
        assert!(Instant::now() < deadline, "not published after a minute: {listed}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Changes rows of one of the book's files; at least one.
fn change(server: &Server, file: &str, statement: &str) {
    let database = rusqlite::Connection::open(Path::new(&server.data()).join(file)).unwrap();
    assert!(database.execute(statement, []).unwrap() > 0, "{statement}");
}

/// What `verify` says of a book that does not hold.
fn caught(verified: &Run) -> String {
    assert_eq!(verified.code(), i32::from(exit_codes::NOT_VERIFIED), "{}", verified.out());
    verified.out()
}

#[test]
fn a_forged_snapshot_is_found_and_deleting_it_mends_the_book() {
    let server = book();
    change(
        &server,
        "journal.db",
        "update journal_snapshot set state = replace(state, '460', '960') where stream = 'wallet/t_acme'",
    );
    let said = caught(&server.on_book(&["verify"]));
    assert!(said.contains("the saved snapshot of wallet/t_acme at version "), "{said}");
    assert!(said.contains("delete from journal_snapshot"), "{said}");
    change(&server, "journal.db", "delete from journal_snapshot");
    assert_eq!(server.on_book(&["verify"]).code(), i32::from(exit_codes::OK));
}

#[test]
fn a_forged_view_does_not_pass_for_one_of_another_version_or_a_parked_one() {
    let server = book();
    change(&server, "views.db", "update balance set available = available + 1000000000");
    assert!(caught(&server.on_book(&["verify"])).contains("in the view balances"));

    change(
        &server,
        "views.db",
        "insert into projection_parked values ('balances', 't_acme', 8, 'a made-up error', 0)",
    );
    let said = caught(&server.on_book(&["verify"]));
    assert!(said.contains("t_acme is parked, but the journal gives no reason"), "{said}");

    change(&server, "views.db", "delete from projection_parked");
    change(&server, "views.db", "update projection set version = 77 where name = 'balances'");
    let said = server.on_book(&["verify"]).out();
    let verdict = said.lines().find(|line| line.contains("To hold it to this later")).unwrap();
    assert!(!said.contains("The book holds"), "{said}");
    assert!(verdict.starts_with("The journal holds"), "{verdict}");
    assert!(verdict.contains("compared: balances."), "{verdict}");
    let report = server.on_book(&["verify", "--json"]).json();
    assert_eq!(report["not_compared"], json!(["balances"]));
    let diff = server.on_book(&["diff"]).out();
    assert!(diff.contains("not, or not wholly, compared: balances."), "{diff}");
}
