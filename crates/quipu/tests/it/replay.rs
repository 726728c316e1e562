//! Replays, comparisons, and rebuilds on the command line.

use quipu::exit_codes;
use serde_json::json;

use crate::commands::book;
use crate::program::{Server, run};

#[test]
fn a_moment_is_replayed_into_a_file_and_compared() {
    let server = book(Server::start());
    let file = format!("{}/then.db", server.data());
    let on_book = |name: &str, arguments: &[&str]| {
        insta::assert_snapshot!(name, server.on_book(arguments).redacted(&server));
    };
    on_book("replay", &["replay", "--to", &file, "--until", "7"]);
    on_book("replay_again", &["replay", "--to", &file, "--until", "7"]);
    let then = rusqlite::Connection::open(&file).unwrap();
    let available = "select available from balance where tenant = 't_acme'";
    assert_eq!(then.query_row(available, [], |row| row.get(0)), Ok(459_500_000_i64));
    drop(then);
    on_book("diff_replay", &["diff", &file]);
    on_book("diff_fold", &["diff"]);
    on_book("diff_fold_json", &["diff", "--json"]);

    let now = format!("{}/now.db", server.data());
    let views = server.on_book(&["replay", "--to", &now, "--views", "holds,balances", "--json"]);
    assert_eq!(views.json()["views"], json!(["holds", "balances"]), "{}", views.err());
    on_book("diff_some", &["diff", &now]);
    let forged = rusqlite::Connection::open(format!("{}/views.db", server.data())).unwrap();
    forged.execute("update balance set held = 7 where tenant = 't_acme'", []).unwrap();
    on_book("diff_forged", &["diff"]);
    assert_eq!(server.on_book(&["diff"]).code(), i32::from(exit_codes::DIFFERENT));

    on_book("replay_beyond", &["replay", "--to", &now, "--until", "99"]);
    on_book("replay_unknown", &["replay", "--to", &now, "--views", "fortunes"]);
    let malformed = server.on_book(&["replay", "--to", &now, "--until", "noon"]);
    assert_eq!(malformed.code(), i32::from(exit_codes::MALFORMED), "{}", malformed.err());
    let journal = format!("{}/journal.db", server.data());
    on_book("replay_to_a_journal", &["replay", "--to", &journal]);
    on_book("diff_with_nothing", &["diff", "nothing.db"]);
}

#[test]
fn two_journals_are_compared_up_to_where_they_part() {
    let server = book(Server::start());
    let other = book(Server::start_on_postgres());
    let [option, url] = other.place.each_ref().map(String::as_str);
    let same = run(&["diff", "--data", &server.data(), "--data", &server.data()]);
    assert_eq!(same.code(), i32::from(exit_codes::OK), "{}{}", same.out(), same.err());
    insta::assert_snapshot!("diff_same_journals", same.redacted(&server));
    let differ = run(&["diff", "--data", &server.data(), option, url, "--json"]);
    assert_eq!(differ.code(), i32::from(exit_codes::DIFFERENT), "{}", differ.err());
    let differ = differ.json();
    assert_eq!(differ["parting"]["position"], 1, "{differ}");
    let fields = differ["parting"]["fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["field"] == "id"), "{differ}");
    // What the one gave says which journal it was of: no row of it is laid to the other's.
    let then = format!("{}/then.db", server.data());
    let replayed = server.on_book(&["replay", "--to", &then]);
    assert_eq!(replayed.code(), i32::from(exit_codes::OK), "{}", replayed.err());
    let another = run(&["diff", &then, option, url]);
    assert_eq!(another.code(), i32::from(exit_codes::NOT_VERIFIED), "{}", another.err());
    assert!(another.err().contains("does not lead to what the file is a replay of"));
    let much = run(&["diff", "file.db", "--data", "a", "--data", "b"]);
    assert_eq!(much.code(), i32::from(exit_codes::MALFORMED), "{}", much.err());
}

#[test]
fn a_parked_event_is_skipped_loudly_and_a_rebuild_is_cancelled() {
    let mut server = book(Server::start());
    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    let on_book = |name: &str, server: &Server, arguments: &[&str]| {
        insta::assert_snapshot!(name, server.on_book(arguments).redacted(server));
    };
    let skip = ["projections", "skip", "balances", "t_acme", "--reason", "sent by mistake"];
    on_book("projections_skip_not_parked", &server, &skip);
    on_book("projections_cancel_nothing", &server, &["projections", "cancel"]);
    let views = rusqlite::Connection::open(format!("{}/views.db", server.data())).unwrap();
    views
        .execute_batch(
            "update projection set position = 8 where name = 'balances';
             insert into projection_parked values ('balances', 't_acme', 8, 'a made-up error', 0);",
        )
        .unwrap();
    drop(views);
    on_book("projections_parked", &server, &["projections", "list"]);
    on_book("projections_skip", &server, &skip);
    on_book("projections_skipped", &server, &["projections", "list"]);
    let report = server.on_book(&["projections", "list", "--json"]).json();
    assert_eq!(report[1]["skipped"][0]["reason"], "sent by mistake", "{report}");
    // The event was in the view before it was parked, so the view has it, and the fold has not.
    let verified = server.on_book(&["verify"]);
    assert_eq!(verified.code(), i32::from(exit_codes::NOT_VERIFIED));
    on_book("projections_rebuild", &server, &["projections", "rebuild"]);
    let verified = server.on_book(&["verify"]);
    assert_eq!(verified.code(), i32::from(exit_codes::OK), "{}", verified.out());
    assert!(verified.out().contains("without the skipped events 8"), "{}", verified.out());
}
