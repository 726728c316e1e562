//! Numbers explained on the command line.

use quipu::exit_codes;
use serde_json::json;

use crate::commands::book;
use crate::program::{Server, run};

#[test]
fn a_number_is_explained_down_to_its_events() {
    let server = book(Server::start());
    let usage = json!({
        "tenant": "t_acme", "meter": "llm_tokens", "model": "small", "agent": "analyst",
        "input": 1201, "cached_input": 7, "output": 300,
        "occurred_at": "2026-01-15T10:00:00Z", "source": "test", "id": "r1",
    });
    server.post("/v1/usage", "usage", &usage);
    let url = server.url.clone();
    let shown = |name: &str, arguments: &[&str]| {
        let run = run(&[&["explain"], arguments, &["--server", &url]].concat());
        assert_eq!(run.code(), i32::from(exit_codes::OK), "{}{}", run.out(), run.err());
        insta::assert_snapshot!(name, run.redacted(&server));
    };
    shown("explain_balance", &["balance", "t_acme", "--limit", "2"]);
    shown("explain_past_balance", &["balance", "t_acme", "--account", "held", "--known-at", "7"]);
    shown("explain_account", &["account", "t_acme", "--account", "consumed/llm_tokens"]);
    shown("explain_account_of_all", &["account", "--account", "issued/purchase"]);
    let window = ["--window", "month", "--window-start", "2026-01-01T00:00:00Z"];
    shown("explain_usage", &[&["usage", "t_acme", "--meter", "llm_tokens"], &window[..]].concat());
    shown("explain_entry", &["entry_9"]);
    shown("explain_hold", &["hold_6"]);
    shown("explain_grant", &["grant_2"]);
    shown("explain_event_json", &["1", "--json"]);

    let refused = run(&["explain", "balance", "--server", &url]);
    assert_eq!(refused.code(), i32::from(exit_codes::MALFORMED));
    insta::assert_snapshot!("explain_of_whom", refused.redacted(&server));
}

/// A balance that was changed behind Quipu's back is not explained away.
#[test]
fn what_does_not_add_up_is_said_loudly() {
    let server = book(Server::start());
    let views = rusqlite::Connection::open(format!("{}/views.db", server.data())).unwrap();
    let forged = "update lot set remaining = remaining + 1000000 where tenant = 't_acme'";
    views.execute(forged, []).unwrap();
    let run = run(&["explain", "balance", "t_acme", "--limit", "1", "--server", &server.url]);
    assert_eq!(run.code(), i32::from(exit_codes::NOT_VERIFIED), "{}", run.out());
    insta::assert_snapshot!("explain_gap", run.redacted(&server));
}
