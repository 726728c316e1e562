//! Balance, statement, verification and projections of a fixed book.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use quipu::exit_codes;
use serde_json::{Value, json};

use crate::program::{Server, quipu, run};

/// 500 granted, 75 held of which 40.5 are settled, 1.25 spent.
pub(crate) fn book(server: Server) -> Server {
    let server = server.with_tenant();
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
    let mut server = book(Server::start());
    let url = server.url.clone();
    let shown = |name: &str, server: &Server, arguments: &[&str]| {
        insta::assert_snapshot!(name, run(arguments).redacted(server));
    };
    let on_book = |name: &str, server: &Server, arguments: &[&str]| {
        insta::assert_snapshot!(name, server.on_book(arguments).redacted(server));
    };
    shown("balance", &server, &["balance", "t_acme", "--server", &url]);
    shown("balance_json", &server, &["balance", "t_acme", "--server", &url, "--json"]);
    shown("entries", &server, &["entries", "t_acme", "--server", &url]);
    let one = ["entries", "t_acme", "--server", &url, "--limit", "1", "--json"];
    shown("entries_json", &server, &one);
    shown("entries_page", &server, &["entries", "t_acme", "--server", &url, "--limit", "2"]);
    on_book("verify", &server, &["verify"]);
    on_book("verify_json", &server, &["verify", "--json"]);
    on_book("projections_list", &server, &["projections", "list"]);
    on_book("projections_list_json", &server, &["projections", "list", "--json"]);

    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
    on_book("projections_rebuild", &server, &["projections", "rebuild"]);
    on_book("projections_retry", &server, &["projections", "retry", "balances", "t_acme"]);
    on_book("verify", &server, &["verify"]);
    server.restart();
    let again = run(&["balance", "t_acme", "--server", &server.url, "--json"]).json();
    assert_eq!(again["available"], "458.25");
}

/// M5: the lines of a period, one of which is recorded last and counts first, go on from opening to
/// closing, or from closing back to opening; a page shows the one that it borders on.
#[test]
fn a_statement_of_a_period_is_shown_from_edge_to_edge() {
    let server = Server::start().with_tenant();
    for (key, what, amount, day) in [
        ("g", "grants", "40", "09-20"),
        ("d1", "debits", "1.25", "10-03"),
        ("d2", "debits", "2", "11-02"),
        ("d3", "debits", "0.5", "10-02"),
    ] {
        let effective_at = format!("2025-{day}T00:00:00Z");
        let body = json!({ "amount": amount, "effective_at": effective_at });
        server.post(&format!("/v1/tenants/t_acme/{what}"), key, &body);
    }
    let shown = |more: &[&str]| {
        let october = ["--from", "2025-10-01T00:00:00Z", "--to", "2025-11-01T00:00:00Z"];
        let verb = ["entries", "t_acme", "--server", &server.url];
        run(&[&verb, &october[..], more].concat()).redacted(&server)
    };
    insta::assert_snapshot!("entries_of_a_period", shown(&[]));
    insta::assert_snapshot!("entries_of_a_period_newest_first", shown(&["--newest-first"]));
    insta::assert_snapshot!("entries_of_a_period_page", shown(&["--newest-first", "--limit", "1"]));
}

#[test]
fn a_book_on_postgres_is_the_same_book() {
    let server = book(Server::start_on_postgres());
    let sqlite = book(Server::start());
    let entries =
        |server: &Server| run(&["entries", "t_acme", "--server", &server.url]).redacted(server);
    assert_eq!(entries(&server), entries(&sqlite));
    // While the server runs, and beside it.
    let report = server.on_book(&["verify", "--json"]).json();
    let reference = sqlite.on_book(&["verify", "--json"]).json();
    assert_eq!(report["holds"], true);
    for field in ["position", "rows", "streams", "accounts", "projections"] {
        assert_eq!(report[field], reference[field], "{field}");
    }
    let rebuilt = server.on_book(&["projections", "rebuild", "balances"]);
    assert_eq!(rebuilt.code(), i32::from(exit_codes::OK), "{}", rebuilt.err());
    assert_eq!(server.on_book(&["verify", "--json"]).json()["projections"], report["projections"]);
    let shown = server.on_book(&["verify"]).out();
    assert!(
        shown.starts_with("book               PostgreSQL\n"),
        "the password is not shown: {shown}"
    );
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
    assert_eq!(outside.code(), i32::from(exit_codes::MALFORMED));
    assert!(outside.err().contains("access control has not landed yet"), "{}", outside.err());

    for verb in ["serve", "demo", "witness"] {
        let named = run(&[verb, "--listen", "localhost:7171"]);
        let told = "write an IP address and a port, such as 127.0.0.1:7171";
        assert!(named.err().contains(told), "{verb}: {}", named.err());
    }
}

#[test]
fn a_noted_root_holds_the_book_to_it() {
    let server = book(Server::start());
    let report = server.on_book(&["verify", "--json"]).json();
    let noted = format!("{}:{}", report["position"], report["root"].as_str().unwrap());
    let held = server.on_book(&["verify", "--expect", &noted]);
    assert_eq!(held.code(), i32::from(exit_codes::OK), "{}", held.out());
    let further = noted.replacen("8:", "9:", 1);
    let cut = server.on_book(&["verify", "--expect", &further]);
    assert_eq!(cut.code(), i32::from(exit_codes::NOT_VERIFIED));
    assert!(cut.out().contains("does not hold at position 9"), "{}", cut.out());
}

#[test]
fn a_tenant_is_erased_when_that_is_meant_and_its_statement_has_placeholders() {
    let server = book(Server::start());
    let erase = ["erase", "t_acme", "--reason", "request 4711", "--server", &server.url];
    insta::assert_snapshot!("erase_unconfirmed", run(&erase).redacted(&server));
    let source = |server: &Server| {
        server.get("/v1/tenants/t_acme/entries?at_least=8")["entries"][0]["source"].clone()
    };
    assert_eq!(source(&server), "order 4711");
    let erase = [&erase[..], &["--yes"]].concat();
    insta::assert_snapshot!("erase", run(&erase).redacted(&server));
    assert_eq!(source(&server), "[erased]");
    insta::assert_snapshot!("erase_again", run(&erase).redacted(&server));
    assert_eq!(server.on_book(&["verify"]).code(), i32::from(exit_codes::OK));
}

#[test]
fn keys_within_the_book_are_refused() {
    let folder = quipu_testkit::sqlite::folder();
    let data = folder.path().join("book");
    let keys = data.join("keys");
    let (data, keys) = (data.to_str().unwrap(), keys.to_str().unwrap());
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", data, "--subject-keys", keys];
    let refused = run(&serve);
    assert_eq!(refused.code(), i32::from(exit_codes::MALFORMED), "{}", refused.err());
    assert!(refused.err().contains("a copy of the book must not carry the keys"));
}

#[test]
fn what_the_server_cannot_read_is_the_command_lines_fault() {
    let server = Server::start().with_tenant();
    let backwards = ["--from", "2026-11-01T00:00:00Z", "--to", "2026-10-01T00:00:00Z"];
    for arguments in [
        &["close", "foo"][..],
        &["balance", "t_acme", "--as-of", "foo"],
        &[&["entries", "t_acme"], &backwards[..]].concat(),
        &[&["trial-balance"], &backwards[..]].concat(),
    ] {
        let said = run(&[arguments, &["--server", &server.url]].concat());
        let code = i32::from(exit_codes::MALFORMED);
        assert_eq!(said.code(), code, "{arguments:?}: {}", said.err());
    }
}

/// Whoever reads such a log reads it line by line, to its end.
#[test]
fn every_line_of_a_log_that_is_json_is_json() {
    let [data, keys] = [(); 2].map(|()| quipu_testkit::sqlite::folder());
    let [data, keys] = [&data, &keys].map(|folder| folder.path().to_str().unwrap());
    let place = ["--data", data, "--subject-keys", keys, "--listen", "127.0.0.1:0"];
    let mut server =
        quipu(&[&["serve", "--json"], &place[..]].concat()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let mut last = Value::Null;
    for line in lines.map(Result::unwrap) {
        last = serde_json::from_str(&line).expect(&line);
        if line.contains("listening on") {
            let pid = server.id().to_string();
            Command::new("kill").args(["-TERM", &pid]).status().expect("kill exists");
        }
    }
    assert_eq!(server.wait().unwrap().code(), Some(i32::from(exit_codes::OK)));
    assert!(last.to_string().contains("everything that was acknowledged"), "{last}");
}
