//! Balance, statement, verification and projections of a fixed book.

use quipu::exit_codes;
use serde_json::json;

use crate::program::{Server, run};

/// 500 granted, 75 held of which 40.5 are settled, 1.25 spent.
fn book() -> Server {
    let server = Server::start().with_tenant();
    let hold = json!({ "amount": "75", "ttl_seconds": 600 });
    let hold = server.post("/v1/tenants/t_acme/holds", "hold", &hold);
    let settle = format!("/v1/tenants/t_acme/holds/{}/settle", hold["id"].as_str().unwrap());
    server.post(&settle, "settle", &json!({ "amount": "40.5" }));
    let debit = json!({ "amount": "1.25", "meter": "llm_tokens", "agent": "analyst" });
    server.post("/v1/tenants/t_acme/debits", "debit", &debit);
    // The views follow the journal; a read at the last position waits for them.
    let balance = format!("{}/v1/tenants/t_acme/balance?at_least=8", server.url);
    ureq::get(balance).call().expect("the tenant is there");
    server
}

#[test]
fn a_book_is_shown_and_proved() {
    let mut server = book();
    let url = server.url.clone();
    let data = server.data();
    let shown = |name: &str, server: &Server, arguments: &[&str]| {
        insta::assert_snapshot!(name, run(arguments).redacted(server));
    };
    shown("balance", &server, &["balance", "t_acme", "--server", &url]);
    shown("balance_json", &server, &["balance", "t_acme", "--server", &url, "--json"]);
    shown("entries", &server, &["entries", "t_acme", "--server", &url]);
    shown(
        "entries_json",
        &server,
        &["entries", "t_acme", "--server", &url, "--limit", "1", "--json"],
    );
    shown("entries_page", &server, &["entries", "t_acme", "--server", &url, "--limit", "2"]);
    shown("verify", &server, &["verify", "--data", &data]);
    shown("verify_json", &server, &["verify", "--data", &data, "--json"]);
    shown("projections_list", &server, &["projections", "list", "--data", &data]);
    shown("projections_list_json", &server, &["projections", "list", "--data", &data, "--json"]);

    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    shown("projections_rebuild", &server, &["projections", "rebuild", "--data", &data]);
    shown(
        "projections_retry",
        &server,
        &["projections", "retry", "balances", "t_acme", "--data", &data],
    );
    shown("verify_again", &server, &["verify", "--data", &data]);
    server.restart();
    let again = run(&["balance", "t_acme", "--server", &server.url, "--json"]).json();
    assert_eq!(again["available"], "458.25");
}

#[test]
fn what_is_not_there_is_said_with_what_to_do() {
    let server = Server::start();
    let url = server.url.clone();
    let unknown = run(&["balance", "t_nobody", "--server", &url]);
    assert_eq!(unknown.code(), i32::from(exit_codes::REFUSED));
    insta::assert_snapshot!("balance_unknown", unknown.redacted(&server));

    let away = run(&["balance", "t_acme", "--server", "http://127.0.0.1:1"]);
    assert_eq!(away.code(), i32::from(exit_codes::UNAVAILABLE));
    assert!(away.err().contains("start one with `quipu serve`"), "{}", away.err());

    let no_book = run(&["verify", "--data", "/nonexistent"]);
    assert_eq!(no_book.code(), i32::from(exit_codes::UNUSABLE));
    assert!(no_book.err().contains("there is no book in /nonexistent"), "{}", no_book.err());

    let outside = run(&["serve", "--data", &server.data(), "--listen", "0.0.0.0:0"]);
    assert_eq!(outside.code(), i32::from(exit_codes::UNAVAILABLE));
    assert!(outside.err().contains("access control has not landed yet"), "{}", outside.err());
}

#[test]
fn a_noted_root_holds_the_book_to_it() {
    let server = book();
    let data = server.data();
    let report = run(&["verify", "--data", &data, "--json"]).json();
    let noted = format!("{}:{}", report["position"], report["root"].as_str().unwrap());
    assert_eq!(
        run(&["verify", "--data", &data, "--expect", &noted]).code(),
        i32::from(exit_codes::OK)
    );
    let further = noted.replacen("8:", "9:", 1);
    let cut = run(&["verify", "--data", &data, "--expect", &further]);
    assert_eq!(cut.code(), i32::from(exit_codes::NOT_VERIFIED));
    assert!(cut.out().contains("does not hold at position 9"), "{}", cut.out());
}
