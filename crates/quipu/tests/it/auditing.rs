//! What auditors ask of a book: trial balances, sealed periods, assertions, other moments.

use quipu::exit_codes;
use serde_json::json;

use crate::program::{Server, run};

/// A grant and two debits of January 2020, and one of February.
fn book() -> Server {
    let server = Server::start();
    server.post("/v1/tenants", "tenant", &json!({ "id": "t_acme", "name": "Acme" }));
    let grant = json!({ "amount": "500", "effective_at": "2020-01-02T00:00:00Z" });
    server.post("/v1/tenants/t_acme/grants", "grant", &grant);
    for (key, amount, at) in [
        ("d1", "1.25", "2020-01-03T00:00:00Z"),
        ("d2", "10", "2020-01-04T00:00:00Z"),
        ("d3", "20", "2020-02-01T00:00:00Z"),
    ] {
        let debit = json!({ "amount": amount, "meter": "reports", "effective_at": at });
        server.post("/v1/tenants/t_acme/debits", key, &debit);
    }
    server
}

#[test]
fn a_book_is_audited_from_the_command_line() {
    let server = book();
    let url = server.url.clone();
    let ask = |arguments: &[&str]| run(&[arguments, &["--server", &url]].concat());
    let shown = |name: &str, arguments: &[&str]| {
        insta::assert_snapshot!(name, ask(arguments).redacted(&server));
    };
    let february = "2020-02-01T00:00:00Z";
    shown("trial_balance", &["trial-balance", "--from", february]);
    shown("trial_balance_by_tenant", &["trial-balance", "--by", "tenant", "--to", february]);
    shown("trial_balance_json", &["trial-balance", "--by", "meter", "--json"]);
    shown("balance_as_of", &["balance", "t_acme", "--as-of", february, "--known-at", "3"]);
    shown(
        "entries_of_a_month",
        &["entries", "t_acme", "--from", "2020-01-03T00:00:00Z", "--to", february],
    );
    shown("close", &["close", "2020-01"]);
    let again = ask(&["close", "2020-01"]);
    assert_eq!(again.code(), i32::from(exit_codes::OK), "{}", again.err());
    shown("close_out_of_order", &["close", "2020-03"]);
    // An entry that comes later and counts in what is closed.
    let late = json!({ "amount": "3", "effective_at": "2020-01-20T00:00:00Z" });
    server.post("/v1/tenants/t_acme/debits", "late", &late);
    shown("close_with_late", &["close", "2020-02"]);
    shown("close_json", &["close", "2020-03", "--json"]);
    let verified = server.on_book(&["verify"]);
    assert_eq!(verified.code(), i32::from(exit_codes::OK), "{}", verified.out());
}

/// What is sealed stays, so it is not read from a view that leaves something out.
#[test]
fn a_period_is_not_closed_from_a_view_that_was_made_without_an_event() {
    let server = book();
    let views = rusqlite::Connection::open(format!("{}/views.db", server.data())).unwrap();
    let skip = "insert into projection_skipped
        select name, version, 4, 't_acme', 'made up', 'sent by mistake', 0 from projection
        where name = 'book_history'";
    views.execute(skip, []).unwrap();
    let close = || run(&["close", "2020-01", "--server", &server.url]);
    insta::assert_snapshot!("close_with_a_skip", close().redacted(&server));
    views.execute("delete from projection_skipped", []).unwrap();
    let closed = close();
    assert_eq!(closed.code(), i32::from(exit_codes::OK), "{}", closed.err());
}

#[test]
fn a_period_that_was_closed_under_another_key_is_shown_as_it_was_sealed() {
    let server = book();
    let url = server.url.clone();
    server.post("/v1/periods/close", "nightly-1", &json!({ "period": "2020-01-01" }));
    let sealed = server.post("/v1/periods/close", "nightly-2", &json!({ "period": "2020-01-02" }));
    let close = |more: &[&str]| run(&[&["close", "--server", &url], more].concat());
    let again = close(&["2020-01-02"]);
    insta::assert_snapshot!("close_of_another", again.redacted(&server));
    let json = close(&["2020-01-02", "--json"]);
    assert_eq!(json.code(), i32::from(exit_codes::OK), "{}", json.err());
    for field in ["type", "position", "period", "from", "to", "known_at", "root", "balances"] {
        assert_eq!(json.json()[field], sealed[field], "{field}");
    }
    let out_of_order = close(&["2020-01"]);
    assert_eq!(out_of_order.code(), i32::from(exit_codes::REFUSED), "{}", out_of_order.out());
}

#[test]
fn balances_are_asserted_one_by_one_and_from_a_file() {
    let server = book();
    let url = server.url.clone();
    let ask = |arguments: &[&str]| run(&[arguments, &["--server", &url]].concat());
    let shown = |name: &str, arguments: &[&str]| {
        insta::assert_snapshot!(name, ask(arguments).redacted(&server));
    };
    let holds = ask(&["assert", "t_acme", "--available", "468.75", "--held", "0"]);
    assert_eq!(holds.code(), i32::from(exit_codes::OK), "{}", holds.err());
    let then = ["assert", "t_acme", "--available", "498.75", "--as-of", "2020-01-03T00:00:00Z"];
    assert_eq!(ask(&then).code(), i32::from(exit_codes::OK));
    let known = ["assert", "t_acme", "--available", "500", "--known-at", "2"];
    assert_eq!(ask(&known).code(), i32::from(exit_codes::OK));
    shown("assert", &["assert", "t_acme", "--available", "468", "--overdraft", "1"]);

    let folder = quipu_testkit::sqlite::folder();
    let file = folder.path().join("nightly.csv");
    let path = file.display().to_string();
    let lines = "tenant,available,held,as_of\n\
                 t_acme,468.75,0,\nt_acme,488.75,,2020-01-31T00:00:00Z\n";
    std::fs::write(&file, lines).expect("written");
    let checked = ask(&["assert", "--file", &path]);
    assert_eq!(checked.code(), i32::from(exit_codes::OK), "{}", checked.err());
    std::fs::write(&file, format!("{lines}t_acme,1,,\n")).expect("written");
    shown("assert_json", &["assert", "--file", &path, "--json"]);
    // One that cannot be asked hides nothing that was found, and is named.
    std::fs::write(&file, format!("{lines}t_none,1,,\nt_acme,1,,\n")).expect("written");
    let found = ask(&["assert", "--file", &path]);
    assert_eq!(found.code(), i32::from(exit_codes::NOT_VERIFIED), "{}", found.err());
    assert!(found.out().contains("468.75"), "{}", found.out());
    assert!(found.err().contains("nightly.csv: line 4: unknown_tenant"), "{}", found.err());
    std::fs::write(&file, format!("{lines}t_none,1,,\n")).expect("written");
    let unknown = ask(&["assert", "--file", &path]);
    assert_eq!(unknown.code(), i32::from(exit_codes::REFUSED), "{}", unknown.err());
    assert!(unknown.err().contains("2 assertions checked: all hold"), "{}", unknown.err());
    std::fs::write(&file, format!("{lines}t_acme,one,,\n")).expect("written");
    let malformed = ask(&["assert", "--file", &path]);
    assert_eq!(malformed.code(), i32::from(exit_codes::MALFORMED));
    assert!(malformed.err().contains("line 4: available:"), "{}", malformed.err());
    let nothing = ask(&["assert", "t_acme"]);
    assert_eq!(nothing.code(), i32::from(exit_codes::MALFORMED));
}

/// A nightly job that checks nothing must not say that all is well.
#[test]
fn a_file_of_assertions_that_asserts_less_than_it_seems_to_is_malformed() {
    let server = book();
    let folder = quipu_testkit::sqlite::folder();
    let file = folder.path().join("nightly.csv");
    let path = file.display().to_string();
    for (text, why) in [
        ("", "the column \"tenant\" is missing"),
        ("\n\n", "the column \"tenant\" is missing"),
        ("tenant,available\n", "there is no assertion in it"),
        ("tenant,available\n\n\n", "there is no assertion in it"),
        ("tenant\nt_acme\n", "line 2: it asserts nothing"),
        ("tenant,available\nt_acme,\n", "line 2: it asserts nothing"),
        ("available,held\n468.75,0\n", "the column \"tenant\" is missing"),
        ("tenant,available\n,468.75\n", "line 2: the tenant is missing"),
        ("tenant,available,balance\nt_acme,468.75,1\n", "there is no column \"balance\""),
        (
            "tenant,available,available\nt_acme,468.75,1\n",
            "the column \"available\" is there twice",
        ),
        ("tenant,tenant,available\nt_acme,t_b,468.75\n", "the column \"tenant\" is there twice"),
        ("tenant;available\nt_acme;468.75\n", "there is no column \"tenant;available\""),
        ("tenant,available\nt_acme,468.75\nt_acme\n", "line: 3"),
        ("tenant,available\nt_acme,468.75,1\n", "line: 2"),
        ("tenant,available\nt_acme,\"468.75\n", "a quote is not closed"),
        ("tenant,available,as_of\nt_acme,468.75,\"\n", "a quote is not closed"),
        (
            "tenant,available,as_of\nt_acme,468.75,\nt_acme,1,\"\n\n\n",
            "line 3: a quote is not closed",
        ),
        ("tenant,available\nt_acme,\"468.75\nt_b,\"1\n", "line 2: a quote is not closed"),
    ] {
        std::fs::write(&file, text).unwrap();
        let said = run(&["assert", "--file", &path, "--server", &server.url]);
        let code = i32::from(exit_codes::MALFORMED);
        assert_eq!(said.code(), code, "{text:?}: {}{}", said.out(), said.err());
        assert!(said.err().contains(why), "{text:?}: {}", said.err());
    }
    for text in [
        "\u{feff}tenant,available\r\nt_acme,468.75\r\n",
        "\"tenant\",\"available\"\n\n\"t_acme\",\"468.75\"",
        "held,tenant,available\n,t_acme,468.75\n",
    ] {
        std::fs::write(&file, text).unwrap();
        let said = run(&["assert", "--file", &path, "--server", &server.url]);
        assert_eq!(said.code(), 0, "{text:?}: {}", said.err());
        assert!(said.err().contains("1 assertion checked: all hold"), "{}", said.err());
    }
}
