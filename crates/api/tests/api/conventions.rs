//! What holds for every answer.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use quipu_api::Limits;

use crate::app::App;

#[tokio::test]
async fn a_request_keeps_its_name_or_gets_one() {
    let app = App::start().with_credits("1").await;
    let named = app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"2"}"#).await;
    assert_eq!(named.header("x-request-id"), "request-1");
    assert_eq!(named.json()["request_id"], "request-1");
    for bad in ["a b", "", &"x".repeat(129)] {
        let request = Request::get("/nothing").header("x-request-id", bad);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_ne!(answer.header("x-request-id"), bad);
        assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
    }
}

/// There is no access control, so no web page may get at a loopback address by a name of its own.
#[tokio::test]
async fn a_request_to_another_host_is_refused() {
    let app = App::allowing_host("ledger.example");
    let ask = |path: &str, host: &str| {
        app.send(Request::get(path).header("host", host).body(Body::empty()).unwrap())
    };
    for host in ["127.0.0.1:7171", "[::1]:7171", "localhost", "ledger.example"] {
        assert_eq!(ask("/v1/tenants", host).await.status, StatusCode::OK, "{host}");
    }
    for path in ["/v1/tenants", "/docs/", "/openapi.json", "/livez", "/nothing"] {
        let refused = ask(path, "evil.example:7171").await;
        assert_eq!(refused.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
        assert_eq!(refused.code(), "host_not_allowed", "{path}");
        assert!(refused.json()["hint"].as_str().unwrap().contains("--allow-host"));
    }
    let request = Request::get("/livez").header("host", "localhost").header("host", "evil.example");
    let refused = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.code(), "host_not_allowed");
}

#[tokio::test]
async fn a_request_is_in_the_audit_log_by_its_name() {
    let app = App::start().with_credits("1").await;
    let audit = app.read("/v1/audit?tenant=t_acme&type=CreditsGranted").await.json();
    let line = &audit["lines"][0];
    assert_eq!(line["correlation"], "request-1", "{audit}");
    assert_eq!(line["command"], "grant");
    assert_eq!(line["actor"], "local");
}

#[tokio::test]
async fn a_read_says_its_position_and_is_not_sent_twice() {
    let app = App::start().with_credits("1").await;
    let balance = app.read("/v1/tenants/t_acme/balance").await;
    assert_eq!(balance.header("quipu-position"), "2");
    let tag = balance.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    for (known, status) in [
        (tag.as_str(), StatusCode::NOT_MODIFIED),
        (tag.trim_start_matches("W/"), StatusCode::NOT_MODIFIED),
        ("*", StatusCode::NOT_MODIFIED),
        ("\"other\"", StatusCode::OK),
    ] {
        let request = Request::get("/v1/tenants/t_acme/balance").header("if-none-match", known);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{known}");
        assert_eq!(answer.header("etag"), tag);
        assert_eq!(answer.bytes.is_empty(), status == StatusCode::NOT_MODIFIED);
    }
    app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"1"}"#).await;
    let changed = app.read("/v1/tenants/t_acme/balance").await;
    assert_ne!(changed.header("etag"), tag);
}

#[tokio::test]
async fn a_read_of_a_position_that_does_not_come_is_answered_in_time() {
    let limits = Limits { view_timeout: Duration::from_millis(20), ..Limits::default() };
    let app = App::with(limits).with_credits("1").await;
    let behind = app.get("/v1/tenants/t_acme/balance?at_least=1000").await;
    assert_eq!(behind.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(behind.code(), "view_behind");
    assert_eq!(behind.json()["wanted"], 1000);
    assert_eq!(behind.header("retry-after"), "1");
}

#[tokio::test]
async fn while_the_journal_is_away_commands_are_told_to_come_again() {
    const DEBIT: (&str, &str) = ("/v1/tenants/t_acme/debits", r#"{"amount":"1"}"#);
    let pause = Duration::from_millis(5);
    let limits = Limits { command_timeout: Duration::from_millis(100), ..Limits::default() };
    let app = App::with(limits).with_credits("10").await;
    app.store.unavailable(true);
    let under_way = app.post(DEBIT.0, "d", DEBIT.1).await;
    assert_eq!(under_way.status, StatusCode::SERVICE_UNAVAILABLE, "{}", under_way.text());
    assert!(under_way.headers.contains_key("retry-after"));
    let mut refused = app.post(DEBIT.0, "e", DEBIT.1).await;
    while refused.code() == "outcome_unknown" {
        tokio::time::sleep(pause).await;
        refused = app.post(DEBIT.0, "e", DEBIT.1).await;
    }
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "journal_unavailable".into()));
    assert!(refused.headers.contains_key("retry-after"));
    let page = app.get("/v1/events").await;
    assert_eq!((page.status.as_u16(), page.code()), (503, "journal_unavailable".into()));
    app.store.unavailable(false);
    let mut accepted = app.post(DEBIT.0, "d", DEBIT.1).await;
    while accepted.status != StatusCode::CREATED {
        tokio::time::sleep(pause).await;
        accepted = app.post(DEBIT.0, "d", DEBIT.1).await;
    }
    let again = app.post(DEBIT.0, "d", DEBIT.1).await;
    assert_eq!(again.bytes, accepted.bytes);
}

#[tokio::test]
async fn after_the_engine_has_stopped_commands_are_refused() {
    let app = App::start().with_credits("10").await;
    app.engine.shutdown().await;
    let refused = app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"1"}"#).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "shutting_down".to_owned()));
}

#[tokio::test]
async fn a_tenant_with_too_much_under_way_is_told_so_and_others_are_not() {
    let limits = Limits { tenant_requests_under_way: 0, ..Limits::default() };
    let app = App::with(limits);
    app.post("/v1/tenants", "t", r#"{"id":"t_acme","name":"Acme"}"#).await;
    let refused = app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"1"}"#).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json()["code"], "too_many_requests");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit"), "\"tenant\";r=0");
    assert_eq!(app.read("/v1/tenants").await.status, StatusCode::OK);

    let app = App::start().with_credits("1").await;
    let refused = app.post("/v1/tenants/t_acme/debits", "d", r#"{"amount":"2"}"#).await;
    assert_eq!(refused.header("ratelimit"), "\"tenant\";r=2047");
}

#[tokio::test]
async fn an_answer_names_no_field_twice() {
    let app = App::start();
    let since = r#""effective_at":"2020-01-01T00:00:00Z""#;
    let prices = format!(r#"{{{since},"models":{{"small":{{"input":"1","output":"2"}}}}}}"#);
    let published = app.post("/v1/price-tables/t/prices", "p", prices).await;
    assert_eq!(published.json()["effective_at"], "2020-01-01T00:00:00Z");
    app.post("/v1/meters", "m", r#"{"name":"calls","aggregation":"sum"}"#).await;
    let price = format!(r#"{{{since},"price":{{"model":"flat","unit_price":"1"}}}}"#);
    let priced = app.post("/v1/meters/calls/prices", "q", price).await;
    assert_eq!(priced.json()["effective_at"], "2020-01-01T00:00:00Z");
}
