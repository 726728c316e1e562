//! What is not understood to the last field is refused with a code and a hint, and leaves no event.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::app::{Answer, App};

const DEBITS: &str = "/v1/tenants/t_acme/debits";

/// That a 4xx problem came back that says what is wrong and what to do, and that nothing happened.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str, about: &str) {
    assert_eq!(answer.status.as_u16(), status, "{about}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json", "{about}");
    let problem = answer.json();
    assert_eq!(problem["code"], code, "{about}: {problem}");
    assert_eq!(problem["status"], status, "{about}");
    assert!(problem["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{about}: {problem}");
    assert!(problem["request_id"].is_string(), "{about}: {problem}");
}

#[tokio::test]
async fn a_body_that_is_not_understood_is_refused() {
    let app = App::start().with_credits("500").await;
    let head = app.head();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_field = format!(r#"{{"amount":"1","dimensions":{deep}}}"#);
    let deep_unknown = format!(r#"{{"amount":"1","extra":{deep}}}"#);
    let many_digits = format!(r#"{{"amount":"{}"}}"#, "9".repeat(100_000));
    let pairs: Vec<String> = (0..17).map(|number| format!("\"d{number}\":\"x\"")).collect();
    let dimensions = format!(r#"{{"amount":"1","dimensions":{{{}}}}}"#, pairs.join(","));
    let long_reason = format!(r#"{{"amount":"1","reason":"{}"}}"#, "x".repeat(501));
    let cases: &[(&str, u16, &str)] = &[
        ("", 400, "malformed_json"),
        ("nonsense", 400, "malformed_json"),
        (r#"{"amount":"1"} {"#, 400, "malformed_json"),
        (r#"{"amount":"1"}{"amount":"1"}"#, 400, "malformed_json"),
        (r#"{"amount":"1",}"#, 400, "malformed_json"),
        (r#"{"amount":NaN}"#, 400, "malformed_json"),
        (r#"{"amount":1e400}"#, 400, "malformed_json"),
        (r#"{"amount":"1","reason":"\ud800"}"#, 400, "malformed_json"),
        (&deep, 400, "invalid_type"),
        (&deep_field, 400, "invalid_type"),
        (&deep_unknown, 400, "unknown_field"),
        (r#"["1"]"#, 400, "invalid_type"),
        (r#"{"amount":"1","tenant_id":"t_b"}"#, 400, "unknown_field"),
        (r#"{"amount":"1","is_admin":true}"#, 400, "unknown_field"),
        (r#"{"amount":"1","amount":"100"}"#, 400, "duplicate_field"),
        (r#"{"amount":"1","dimensions":{"a":"1","a":"2"}}"#, 400, "duplicate_field"),
        (&dimensions, 400, "invalid_value"),
        ("{}", 400, "missing_field"),
        (r#"{"amount":null}"#, 400, "invalid_type"),
        (r#"{"amount":0.1}"#, 400, "invalid_amount"),
        (r#"{"amount":1}"#, 400, "invalid_amount"),
        (r#"{"amount":1E2}"#, 400, "invalid_amount"),
        (r#"{"amount":-0}"#, 400, "invalid_amount"),
        (r#"{"amount":9007199254740993}"#, 400, "invalid_amount"),
        (r#"{"amount":9223372036854775808}"#, 400, "invalid_amount"),
        (r#"{"amount":"1e3"}"#, 400, "invalid_amount"),
        (r#"{"amount":"1,5"}"#, 400, "invalid_amount"),
        (r#"{"amount":""}"#, 400, "invalid_amount"),
        (r#"{"amount":"1.1234567"}"#, 400, "invalid_amount"),
        (r#"{"amount":"10000000000000"}"#, 400, "invalid_amount"),
        (&many_digits, 400, "invalid_amount"),
        (r#"{"amount":"-1"}"#, 422, "amount_not_positive"),
        (r#"{"amount":"0"}"#, 422, "amount_not_positive"),
        (r#"{"amount":"1","reason":"a\u0000b"}"#, 400, "invalid_value"),
        (r#"{"amount":"1","reason":"a\nb"}"#, 400, "invalid_value"),
        (r#"{"amount":"1","reason":""}"#, 400, "invalid_value"),
        (r#"{"amount":"1","reason":7}"#, 400, "invalid_type"),
        (&long_reason, 400, "invalid_value"),
        (r#"{"amount":"1","meter":"Not A Meter"}"#, 400, "invalid_value"),
        (r#"{"amount":"1","effective_at":"yesterday"}"#, 400, "invalid_value"),
        (r#"{"amount":"1","effective_at":"2026-11-20"}"#, 400, "invalid_value"),
        (r#"{"amount":"1","effective_at":"2027-11-20T00:00:00Z"}"#, 422, "in_the_future"),
        (r#"{"amount":"1","effective_at":"1999-11-20T00:00:00Z"}"#, 422, "too_far_back"),
    ];
    for (number, (body, status, code)) in cases.iter().enumerate() {
        let about: String = body.chars().take(60).collect();
        let answer = app.post(DEBITS, &format!("bad-{number}"), (*body).to_owned()).await;
        assert_refused(&answer, *status, code, &about);
    }
    let not_utf8 =
        app.post(DEBITS, "utf8", b"{\"amount\":\"1\",\"reason\":\"\xff\"}".to_vec()).await;
    assert_refused(&not_utf8, 400, "malformed_json", "not UTF-8");
    let large = format!(r#"{{"amount":"1","reason":"{}"}}"#, "x".repeat(10_000_000));
    let large = app.post(DEBITS, "large", large).await;
    assert_refused(&large, 413, "body_too_large", "10 MB");
    assert_eq!(app.head(), head);
}

/// Older books have such names, and keep them.
#[tokio::test]
async fn nothing_new_gets_a_name_that_stands_for_something_else() {
    let app = App::start().with_credits("500").await;
    let head = app.head();
    for (path, body) in [
        ("/v1/meters", r#"{"name":"-","aggregation":"sum"}"#),
        ("/v1/tenants", r#"{"name":"Acme","id":"t_.."}"#),
        ("/v1/tenants/t_acme/agents", r#"{"id":".","name":"Robot"}"#),
        ("/v1/tenants/t_acme/debits", r#"{"amount":"1","meter":"-"}"#),
        ("/v1/tenants/t_acme/holds", r#"{"amount":"1","meter":"-"}"#),
    ] {
        let refused = app.post(path, path, body).await;
        assert_refused(&refused, 400, "invalid_value", body);
    }
    let prices = r#"{"models":{"small":{"input":"1","output":"5"}}}"#;
    let refused = app.post("/v1/price-tables/-/prices", "prices", prices).await;
    assert_refused(&refused, 422, "invalid_price", prices);
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn a_problem_points_to_the_place() {
    let app = App::start();
    let body = r#"{"models":{"a/b~c":{"input":"1","output":0.5}}}"#;
    let refused = app.post("/v1/price-tables/models/prices", "k", body).await;
    assert_refused(&refused, 400, "invalid_number", body);
    let problem = refused.json();
    assert_eq!(problem["pointer"], "/models/a~1b~0c/output");
    assert_eq!((&problem["line"], &problem["column"]), (&1.into(), &44.into()));
    let body = r#"[{"tenant":"t_a","meter":"m"},{"tenant":"t_a","meter":"m","quantity":0.5}]"#;
    let refused = app.post("/v1/usage", "k", body).await;
    assert_eq!(refused.json()["pointer"], "/1/quantity", "{}", refused.text());
}

#[tokio::test]
async fn an_array_in_the_place_of_an_object_is_refused() {
    let app = App::start().with_credits("500").await;
    let head = app.head();
    for (path, body, pointer) in [
        (DEBITS, r#"["1"]"#, ""),
        ("/v1/usage", r#"[["t_acme","calls"]]"#, "/0"),
        ("/v1/meters", r#"{"name":"m","aggregation":"sum","unpriced":["refuse"]}"#, "/unpriced"),
        ("/v1/meters/m/prices", r#"{"price":["flat","1"]}"#, "/price"),
        ("/v1/meters/m/prices", r#"{"price":{"model":"volume","tiers":[["1"]]}}"#, "/price"),
        ("/v1/price-tables/t/prices", r#"{"models":{"m":["1",null,"2"]}}"#, "/models/m"),
    ] {
        let refused = app.post(path, "k", body).await;
        assert_refused(&refused, 400, "invalid_type", body);
        assert_eq!(refused.json()["pointer"], pointer, "{body}: {}", refused.text());
    }
    assert_eq!(app.head(), head);
}

/// serde looks at no field beside the tag of a variant that has none.
#[tokio::test]
async fn a_field_beside_the_tag_of_a_choice_is_refused() {
    let app = App::start();
    let head = app.head();
    for (path, body) in [
        (
            "/v1/meters",
            r#"{"name":"m","aggregation":"sum","unpriced":{"policy":"refuse","zzz":1}}"#,
        ),
        (
            "/v1/meters",
            r#"{"name":"m","aggregation":"sum","unpriced":{"policy":"refuse","unit_price":"5"}}"#,
        ),
        (
            "/v1/meters",
            r#"{"name":"m","aggregation":"sum","unpriced":{"policy":"record_unpriced","zzz":1}}"#,
        ),
        (
            "/v1/meters",
            r#"{"name":"m","aggregation":"sum","unpriced":{"policy":"default_price","unit_price":"5","zzz":1}}"#,
        ),
        ("/v1/meters/m/prices", r#"{"price":{"model":"flat","unit_price":"1","zzz":1}}"#),
        ("/v1/meters/m/prices", r#"{"price":{"model":"tokens","price_table":"t","zzz":1}}"#),
    ] {
        assert_refused(&app.post(path, "k", body).await, 400, "unknown_field", body);
    }
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn an_amount_that_is_a_number_is_told_to_be_quoted() {
    let app = App::start();
    let refused = app.post(DEBITS, "k", r#"{"amount":12}"#).await;
    assert_eq!(refused.json()["hint"], r#"write it in quotes: "12""#);
    // As a floating-point number it reads 123456789012.12346, which is another amount.
    let refused = app.post(DEBITS, "k", r#"{"amount":123456789012.123456}"#).await;
    assert_eq!(refused.json()["hint"], "write its digits as you have them, in quotes");
    assert!(!refused.text().contains("12346"), "{}", refused.text());
}

#[tokio::test]
async fn another_content_type_is_refused() {
    let app = App::start().with_credits("500").await;
    let head = app.head();
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=latin1"),
        Some("application/cloudevents+json"),
    ] {
        let mut request = Request::post(DEBITS).header("idempotency-key", "k");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = app.send(request.body(Body::from(r#"{"amount":"1"}"#)).unwrap()).await;
        assert_refused(&answer, 415, "unsupported_media_type", &format!("{content_type:?}"));
    }
    let zipped = Request::post(DEBITS)
        .header("idempotency-key", "k")
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(Body::from("zipped"))
        .unwrap();
    assert_refused(&app.send(zipped).await, 415, "unsupported_media_type", "gzip");
    assert_eq!(app.head(), head);
    let plain = Request::post(DEBITS)
        .header("idempotency-key", "k")
        .header("content-type", "application/json")
        .header("content-encoding", "Identity")
        .body(Body::from(r#"{"amount":"1"}"#))
        .unwrap();
    assert_eq!(app.send(plain).await.status, 201);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = App::start().with_credits("500").await;
    let head = app.head();
    let body = r#"{"amount":"1"}"#;
    for (path, body, code) in [
        ("/v1/tenants/t_nobody/debits", body, "unknown_tenant"),
        ("/v1/tenants/t_nobody/grants", body, "unknown_tenant"),
        ("/v1/tenants/t_acme/holds/hold_99/settle", body, "unknown_hold"),
        ("/v1/tenants/t_acme/refunds", r#"{"entry":"entry_99"}"#, "unknown_entry"),
        ("/v1/tenants/t_acme/grants/grant_99/void", r#"{"reason":"x"}"#, "unknown_grant"),
        ("/v1/tenants/t_acme/agents/nobody/retire", r#"{"reason":"x"}"#, "unknown_agent"),
        ("/v1/nothing", body, "not_found"),
    ] {
        assert_refused(&app.post(path, "k", body).await, 404, code, path);
    }
    for path in ["balance", "entries", "lots", "grants", "holds", "usage", "agents", "accounts"] {
        let answer = app.read(&format!("/v1/tenants/t_nobody/{path}")).await;
        assert_refused(&answer, 404, "unknown_tenant", path);
    }
    for (path, code) in [
        ("/v1/tenants/t_nobody", "unknown_tenant"),
        ("/v1/meters/nothing", "unknown_meter"),
        ("/v1/price-tables/nothing", "unknown_price_table"),
        ("/problems/nothing", "not_found"),
    ] {
        assert_refused(&app.get(path).await, 404, code, path);
    }
    for path in ["/v1/tenants/acme/balance", "/v1/tenants/t_A/balance", "/v1/tenants/t_%00/balance"]
    {
        assert_refused(&app.get(path).await, 400, "invalid_path", path);
    }
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn another_method_is_refused_with_those_that_are_allowed() {
    let app = App::start();
    for (method, path, allow) in [
        ("DELETE", "/v1/tenants", "POST,GET,HEAD"),
        ("GET", DEBITS, "POST"),
        ("TRACE", "/v1/usage", "POST"),
        ("PUT", "/v1/events", "GET,HEAD"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = app.send(request).await;
        assert_refused(&answer, 405, "method_not_allowed", path);
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_is_not_understood_is_refused() {
    let app = App::start().with_credits("500").await;
    assert_eq!(app.read("/v1/tenants/t_acme").await.status, StatusCode::OK);
    for path in [
        "/v1/events?limit=0",
        "/v1/events?limit=1001",
        "/v1/events?limit=1000000000000000000000",
        "/v1/events?limit=ten",
        "/v1/events?after=-1",
        "/v1/events?after=1&after=2",
        "/v1/events?a[]=1",
        "/v1/events?tenant=acme",
        "/v1/tenants?after=x'--",
        "/v1/tenants?sort=name",
        "/v1/projections?limit=1",
        "/v1/tenants/t_acme/balance?as_of=tomorrow",
        "/v1/tenants/t_acme/balance?as_of=2026-11-20T00:00:00Z&meter=m",
        "/v1/tenants/t_acme/balance?known_at=x",
        "/v1/tenants/t_acme/entries?order=amount;drop",
        "/v1/tenants/t_acme/usage?window=week",
        "/v1/tenants/t_acme/usage?group_by=tenant",
        "/v1/tenants/t_acme/usage?after=tampered",
    ] {
        assert_refused(&app.get(path).await, 400, "invalid_query", path);
    }
    for (path, parameter) in [
        ("/v1/proofs/consistency", "from"),
        ("/v1/explain/account", "account"),
        ("/v1/tenants?limit=0", "limit"),
        ("/v1/events?after=1&after=2", "after"),
    ] {
        assert_eq!(app.get(path).await.json()["parameter"], parameter, "{path}");
    }
    let head = app.head();
    let command = app.post(&format!("{DEBITS}?dry_run=true"), "k", r#"{"amount":"1"}"#).await;
    assert_refused(&command, 400, "invalid_query", "a command with a query");
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn text_from_outside_comes_back_as_it_was_or_not_at_all() {
    let app = App::start();
    for (number, name) in
        ["' OR 1=1--", "</script><b>", "=cmd|' /C calc'!A0", "{{7*7}}", "\u{202e}abc", "\u{1f600}"]
            .iter()
            .enumerate()
    {
        let body = serde_json::json!({ "name": name }).to_string();
        let made = app.post("/v1/tenants", &format!("n{number}"), body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{name}");
        let path = format!("/v1/tenants/{}", made.json()["id"].as_str().unwrap());
        assert_eq!(app.read(&path).await.json()["name"], *name);
    }
}
