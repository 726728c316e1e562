//! `quipu verify` on a book that somebody has changed behind Quipu's back, elsewhere than in its rows.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use quipu::exit_codes;
use serde_json::json;

use crate::program::{Run, Server, run};

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
    assert!(said.contains("not compared to the end: the book does not hold"), "{said}");
    assert!(!said.contains("equal to the journal"), "{said}");
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

/// J6: whoever puts an older copy back has to take away everything that was signed, too.
#[test]
fn j6_an_older_copy_is_found_by_what_was_signed() {
    let mut server = book();
    let data = Path::new(&server.data()).to_owned();
    let files = ["journal.db", "views.db"];
    for file in files {
        fs::copy(data.join(file), data.join(format!("{file}.old"))).unwrap();
    }
    server.restart();
    debit(&server, 40);
    signed(&server, 46);
    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    for file in files {
        for ending in ["-wal", "-shm"] {
            let _absent = fs::remove_file(data.join(format!("{file}{ending}")));
        }
        fs::rename(data.join(format!("{file}.old")), data.join(file)).unwrap();
    }
    for journal_only in [&["verify"][..], &["verify", "--journal-only"]] {
        let said = caught(&server.on_book(journal_only));
        assert!(said.contains("a checkpoint of 46 events"), "{said}");
        assert!(said.contains("the end of the journal is missing"), "{said}");
    }
    fs::remove_file(data.join("proofs.db")).unwrap();
    assert!(caught(&server.on_book(&["verify"])).contains("a checkpoint of 46 events"));
    assert!(!data.join("proofs.db").exists(), "verify makes no files");
    fs::rename(data.join("keys"), data.join("kept")).unwrap();
    assert_eq!(server.on_book(&["verify"]).code(), i32::from(exit_codes::OK));
    let kept = data.join("kept").display().to_string();
    assert!(caught(&server.on_book(&["verify", "--keys", &kept])).contains("46 events"));
    let nowhere = server.on_book(&["verify", "--keys", "/nonexistent"]);
    assert_eq!(nowhere.code(), i32::from(exit_codes::UNUSABLE), "{}", nowhere.err());

    // Where it was restored on purpose, a start says so, and the book holds from then on.
    fs::rename(data.join("kept"), data.join("keys")).unwrap();
    server.restart();
    debit(&server, 41);
    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    let verified = server.on_book(&["verify"]);
    assert_eq!(verified.code(), i32::from(exit_codes::OK), "{}", verified.out());
}

/// Overwrites a part of the first page of a table or an index.
fn damage(server: &Server, file: &str, name: &str, bytes: std::ops::Range<usize>) {
    let file = Path::new(&server.data()).join(file);
    let database = rusqlite::Connection::open(&file).unwrap();
    let number = |sql: &str, name: &[&str]| {
        let name = rusqlite::params_from_iter(name);
        let found = database.query_row(sql, name, |row| row.get::<_, u32>(0)).unwrap();
        usize::try_from(found).unwrap()
    };
    database.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
    let page_bytes = number("pragma page_size", &[]);
    let root = number("select rootpage from sqlite_master where name = ?", &[name]);
    drop(database);
    let mut damaged = fs::read(&file).unwrap();
    damaged[(root - 1) * page_bytes..][bytes].fill(0);
    fs::write(&file, damaged).unwrap();
}

#[test]
fn damaged_views_are_said_to_be_damaged_and_are_made_anew() {
    let server = book();
    damage(&server, "views.db", "balance", 0..100);
    let made_anew = ["verify", "diff"].map(|verb| server.on_book(&[verb]));
    for said in made_anew {
        assert_eq!(said.code(), i32::from(exit_codes::UNUSABLE), "{}{}", said.out(), said.err());
        assert!(said.err().contains("the views are damaged: "), "{}", said.err());
        assert!(said.err().contains("`quipu projections rebuild`"), "{}", said.err());
    }
    assert_eq!(server.on_book(&["verify", "--journal-only"]).code(), i32::from(exit_codes::OK));
    // This page cannot even be emptied.
    let rebuild = || server.on_book(&["projections", "rebuild"]);
    let rebuilt = rebuild();
    assert!(rebuilt.err().contains("where it cannot, delete views.db"), "{}", rebuilt.err());
    fs::remove_file(Path::new(&server.data()).join("views.db")).unwrap();
    let rebuilt = rebuild();
    assert_eq!(rebuilt.code(), i32::from(exit_codes::OK), "{}", rebuilt.err());
    assert_eq!(server.on_book(&["verify"]).code(), i32::from(exit_codes::OK));
}

#[test]
fn a_damaged_index_of_the_journal_is_found() {
    let server = book();
    // How many entries the page has, behind its kind and its first free block.
    damage(&server, "journal.db", "sqlite_autoindex_journal_batch_3", 3..5);
    let said = caught(&server.on_book(&["verify"]));
    assert!(said.contains("the file that they are in is damaged"), "{said}");
}

/// What a published checkpoint says is not taken for granted: the database may be anybody's.
#[test]
fn a_changed_checkpoint_is_named_with_what_to_do() {
    let mut server = book();
    change(&server, "proofs.db", "update checkpoint set origin = 'a' || char(10) || 'b'");
    let verified = server.on_book(&["verify"]);
    assert_eq!(verified.code(), i32::from(exit_codes::NOT_VERIFIED), "{}", verified.err());
    assert!(verified.err().contains("in the table checkpoint"), "{}", verified.err());
    for verb in [&["serve", "--listen", "127.0.0.1:0"][..], &["checkpoint"], &["prove", "1"]] {
        let refused = server.on_book(verb);
        assert_eq!(refused.code(), i32::from(exit_codes::UNUSABLE), "{verb:?}: {}", refused.err());
        assert!(refused.err().contains("in the table checkpoint"), "{}", refused.err());
        assert!(refused.err().contains("restore proofs.db"), "{}", refused.err());
    }
    let proofs = Path::new(&server.data()).join("proofs.db");
    fs::rename(&proofs, proofs.with_extension("aside")).unwrap();
    server.restart();
    debit(&server, 40);
    signed(&server, 46);
    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    assert_eq!(server.on_book(&["verify"]).code(), i32::from(exit_codes::OK));
}

/// Whoever asks for a proof is told that there is none, and not to try again.
#[test]
fn an_event_that_was_changed_is_not_proved_by_the_book_nor_by_its_server() {
    let mut server = book();
    server.restart();
    change_debit(&server);
    let (out, url) = (server.data(), server.url.clone());
    let prove = ["prove", "20", "--out", &out];
    for refused in [run(&[&prove[..], &["--server", &url]].concat()), server.on_book(&prove)] {
        assert_eq!(refused.code(), i32::from(exit_codes::NOT_VERIFIED), "{}", refused.err());
        assert!(refused.err().contains("`quipu verify`"), "{}", refused.err());
    }
}

/// Somebody makes a debit smaller, in the file.
fn change_debit(server: &Server) {
    let file = Path::new(&server.data()).join("journal.db");
    let database = rusqlite::Connection::open(file).unwrap();
    let triggers: Vec<String> = database
        .prepare("select name from sqlite_master where type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for trigger in triggers {
        database.execute(&format!("drop trigger {trigger}"), []).unwrap();
    }
    let changed = database.execute(
        "update journal_batch set events = replace(events, '\"amount\":\"1\"', '\"amount\":\"0\"')
         where first_position = 20",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
}

/// An export is what is kept and handed on; it claims the root of the journal.
#[test]
fn an_event_that_was_changed_is_not_exported() {
    let server = book();
    let out = format!("{}/export", server.data());
    let focus = ["focus", "--provider", "x", "--currency", "SEK", "--rate", "1"];
    let sie = ["sie", "--year", "2026", "--company", "x", "--rate", "1"];
    let exports: [&[&str]; 6] =
        [&["journal"], &["hledger"], &["beancount"], &sie, &focus, &["parquet", "events"]];
    let export = |arguments: &[&str]| {
        server.on_book(&[&["export"], arguments, &["--output", &out]].concat())
    };
    for arguments in exports {
        let done = export(arguments);
        assert_eq!(done.code(), i32::from(exit_codes::OK), "{arguments:?}: {}", done.err());
        fs::remove_file(&out).unwrap();
    }
    change_debit(&server);
    for arguments in exports {
        let refused = export(arguments);
        let code = i32::from(exit_codes::UNUSABLE);
        assert_eq!(refused.code(), code, "{arguments:?}: {}", refused.err());
        assert!(refused.err().contains("corrupt at position 20"), "{}", refused.err());
        assert!(!Path::new(&out).exists(), "{arguments:?}");
    }
}
