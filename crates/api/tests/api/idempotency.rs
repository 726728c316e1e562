//! Idempotency keys: an answer again, byte for byte, or a refusal to guess.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::app::App;

const DEBITS: &str = "/v1/tenants/t_acme/debits";

#[tokio::test]
async fn the_same_key_and_request_get_the_same_bytes_again() {
    let app = App::start().with_credits("10").await;
    let first = app.post(DEBITS, "k", r#"{"amount":"1.50","reason":"x"}"#).await;
    let head = app.head();
    let again = app.post(DEBITS, "\"k\"", r#" { "reason": "x", "amount": "1.5" } "#).await;
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.bytes, again.bytes);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn a_tenant_without_an_id_is_created_once_per_key() {
    let app = App::start();
    let first = app.post("/v1/tenants", "k", r#"{"name":"Acme"}"#).await;
    let again = app.post("/v1/tenants", "k", r#"{"name":"Acme"}"#).await;
    let other = app.post("/v1/tenants", "k", r#"{"name":"Other"}"#).await;
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(other.code(), "idempotency_key_reused");
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let app = App::start().with_credits("10").await;
    app.post(DEBITS, "k", r#"{"amount":"1"}"#).await;
    for (path, body) in [
        (DEBITS, r#"{"amount":"2"}"#),
        (DEBITS, r#"{"amount":"1","reason":"x"}"#),
        ("/v1/tenants/t_acme/holds", r#"{"amount":"1"}"#),
    ] {
        let reused = app.post(path, "k", body).await;
        assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", reused.text());
        assert_eq!(reused.code(), "idempotency_key_reused");
        assert_eq!(reused.json()["position"], 3);
    }
}

#[tokio::test]
async fn a_refused_attempt_does_not_use_up_its_key() {
    let app = App::start().with_credits("10").await;
    let refused = app.post(DEBITS, "k", r#"{"amount":"11"}"#).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    app.post("/v1/tenants/t_acme/grants", "more", r#"{"amount":"5"}"#).await;
    let accepted = app.post(DEBITS, "k", r#"{"amount":"11"}"#).await;
    assert_eq!(accepted.status, StatusCode::CREATED);
}

#[tokio::test]
async fn keys_of_different_tenants_do_not_meet() {
    let app = App::start().with_credits("10").await;
    app.post("/v1/tenants", "other", r#"{"name":"B","id":"t_b"}"#).await;
    let acme = app.post("/v1/tenants/t_acme/grants", "k", r#"{"amount":"1"}"#).await;
    let other = app.post("/v1/tenants/t_b/grants", "k", r#"{"amount":"2"}"#).await;
    assert_eq!((acme.status, other.status), (StatusCode::CREATED, StatusCode::CREATED));
}

#[tokio::test]
async fn a_command_without_a_usable_key_is_refused() {
    let app = App::start().with_credits("10").await;
    let head = app.head();
    let too_long = "k".repeat(256);
    for (key, code) in [
        (None, "idempotency_key_required"),
        (Some(""), "invalid_idempotency_key"),
        (Some("a b"), "invalid_idempotency_key"),
        (Some("\"open"), "invalid_idempotency_key"),
        (Some(too_long.as_str()), "invalid_idempotency_key"),
        (Some("\u{e9}"), "invalid_idempotency_key"),
    ] {
        let mut request = Request::post(DEBITS).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key.as_bytes());
        }
        let request = request.body(Body::from(r#"{"amount":"1"}"#)).unwrap();
        let refused = app.send(request).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{key:?}");
        assert_eq!(refused.code(), code, "{key:?}");
    }
    assert_eq!(app.head(), head);
}
