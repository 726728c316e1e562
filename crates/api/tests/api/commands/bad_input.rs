//! A request that is not understood to the last field is refused whole, and leaves no event.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use quipu_api::Limits;
use serde_json::{Value, json};

use super::{command, of_hold, post, send};
use crate::app::App;

#[tokio::test]
async fn one_that_is_not_understood_refuses_all_and_is_named() {
    let app = App::start().with_credits("100").await;
    let head = app.head();
    let good = || command("debit", "good", json!({"amount": "1"}));
    let with = |field: &str, value: Value| {
        let mut bad = good();
        bad[field] = value;
        bad
    };
    let without = |field: &str| {
        let mut bad = good();
        bad.as_object_mut().unwrap().remove(field);
        bad
    };
    let long_key = "k".repeat(256);
    let cases = [
        (with("operation", json!("void")), "invalid_value", "/1/operation"),
        (with("operation", json!("Debit")), "invalid_value", "/1/operation"),
        (without("operation"), "missing_field", "/1"),
        (with("tenant", json!("Not A Tenant")), "invalid_value", "/1/tenant"),
        (without("tenant"), "missing_field", "/1"),
        (without("idempotency_key"), "missing_field", "/1"),
        (with("idempotency_key", json!("")), "invalid_idempotency_key", "/1/idempotency_key"),
        (with("idempotency_key", json!("a b")), "invalid_idempotency_key", "/1/idempotency_key"),
        (with("idempotency_key", json!(long_key)), "invalid_idempotency_key", "/1/idempotency_key"),
        (with("idempotency_key", json!(7)), "invalid_type", "/1/idempotency_key"),
        (with("extra", json!(1)), "unknown_field", "/1/extra"),
        (with("hold", json!("hold_3")), "unknown_field", "/1/hold"),
        (with("operation", json!("settle")), "missing_field", "/1"),
        (of_hold("settle", "lot_3", "k", json!({"amount": "1"})), "invalid_value", "/1/hold"),
        (without("request"), "missing_field", "/1"),
        (with("request", json!(null)), "invalid_type", "/1/request"),
        (with("request", json!(["1"])), "invalid_type", "/1/request"),
        (with("request", json!({})), "missing_field", "/1/request"),
        (with("request", json!({"amount": 1})), "invalid_amount", "/1/request/amount"),
        (with("request", json!({"amount": "1", "a": 1})), "unknown_field", "/1/request/a"),
        (
            with("request", json!({"amount": "1", "ttl_seconds": 9})),
            "unknown_field",
            "/1/request/ttl_seconds",
        ),
        (
            of_hold("release", "hold_3", "k", json!({"reason": ""})),
            "invalid_value",
            "/1/request/reason",
        ),
        (json!(["debit", "t_acme"]), "invalid_type", "/1"),
        (json!(null), "invalid_type", "/1"),
    ];
    for (bad, code, pointer) in cases {
        let refused = send(&app, json!([good(), bad])).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}: {}", refused.text());
        let problem = refused.json();
        assert_eq!(
            (&problem["code"], &problem["pointer"]),
            (&json!(code), &json!(pointer)),
            "{bad}: {problem}"
        );
        assert!(problem["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{problem}");
    }
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn a_body_that_is_no_array_of_commands_is_refused() {
    let app = App::start().with_credits("100").await;
    let head = app.head();
    let twice = r#"{"operation":"debit","operation":"hold"}"#;
    let deep = format!(
        r#"{{"operation":"debit","tenant":"t_acme","idempotency_key":"k","request":{{"amount":"1","dimensions":{}1{}}}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for (body, code) in [
        (String::new(), "malformed_json"),
        ("[".to_owned(), "malformed_json"),
        ("[] []".to_owned(), "empty_batch"),
        ("[]".to_owned(), "empty_batch"),
        (command("debit", "k", json!({"amount": "1"})).to_string(), "invalid_type"),
        (format!("[{twice}]"), "duplicate_field"),
        (format!("[{deep}]"), "invalid_type"),
    ] {
        let refused = post(&app, body.clone()).await;
        let about: String = body.chars().take(60).collect();
        assert_eq!((refused.status.as_u16(), refused.code()), (400, code.to_owned()), "{about}");
    }
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn a_request_has_one_to_a_thousand_commands() {
    let app = App::start().with_credits("100").await;
    let mut commands: Vec<Value> = (0..1_001)
        .map(|n| command("debit", &format!("k-{n}"), json!({"amount": "0.01"})))
        .collect();
    let head = app.head();
    let over = send(&app, commands.clone().into()).await;
    assert_eq!((over.status.as_u16(), over.code()), (413, "batch_too_large".to_owned()));
    assert_eq!(app.head(), head);
    commands.pop();
    let most = send(&app, commands.into()).await;
    assert_eq!(most.status, StatusCode::OK, "{}", &most.text()[..200]);
    assert_eq!(app.head().0, head.0 + 1_000);
}

/// Who sends the header relies on it, and it would not help.
#[tokio::test]
async fn headers_and_parameters_that_would_mean_nothing_are_refused() {
    let app = App::start().with_credits("100").await;
    let head = app.head();
    let body = json!([command("debit", "k", json!({"amount": "1"}))]).to_string();
    let keyed = app.post("/v1/commands", "key", body.clone()).await;
    assert_eq!((keyed.status.as_u16(), keyed.code()), (400, "invalid_header".to_owned()));
    for (path, content_type, status, code) in [
        ("/v1/commands?atomic=true", "application/json", 400, "invalid_query"),
        ("/v1/commands", "application/cloudevents-batch+json", 415, "unsupported_media_type"),
    ] {
        let request = Request::post(path).header("content-type", content_type);
        let refused = app.send(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (status, code.to_owned()));
    }
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn a_request_is_bounded_as_a_usage_batch_is() {
    let app = App::with(Limits { batch_body_bytes: 1_000, ..Limits::default() });
    let reason = "x".repeat(400);
    let large = command("debit", "k", json!({"amount": "1", "reason": reason}));
    let refused = send(&app, json!([large, large, large])).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (413, "body_too_large".to_owned()));

    let app = App::with(Limits { batches_under_way: 0, ..Limits::default() });
    let refused = send(&app, json!([command("debit", "k", json!({"amount": "1"}))])).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (429, "too_many_requests".to_owned()));
    assert_eq!(refused.header("ratelimit"), "\"commands\";r=0");
}

#[tokio::test]
async fn while_nothing_can_be_written_the_whole_request_is_told_so() {
    let app = App::start().with_credits("100").await;
    app.engine.shutdown().await;
    let refused = send(&app, json!([command("debit", "k", json!({"amount": "1"}))])).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "shutting_down".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
}
