//! Usage: one record, many, and CloudEvents.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use insta::assert_json_snapshot;

use crate::app::App;

/// A tenant with credits, a token meter with prices, and a meter of units.
async fn app_with_meters() -> App {
    let app = App::start().with_credits("100").await;
    let effective = r#""effective_at":"2026-01-01T00:00:00Z""#;
    let prices = format!(r#"{{{effective},"models":{{"m":{{"input":"2","output":"10"}}}}}}"#);
    let table = format!(r#"{{{effective},"price":{{"model":"tokens","price_table":"models"}}}}"#);
    let flat = format!(r#"{{{effective},"price":{{"model":"flat","unit_price":"0.5"}}}}"#);
    for (path, key, body) in [
        ("/v1/price-tables/models/prices", "p", prices.as_str()),
        ("/v1/meters", "m1", r#"{"name":"llm","aggregation":"sum"}"#),
        ("/v1/meters/llm/prices", "mp1", table.as_str()),
        ("/v1/meters", "m2", r#"{"name":"calls","aggregation":"sum"}"#),
        ("/v1/meters/calls/prices", "mp2", flat.as_str()),
        (
            "/v1/meters",
            "m3",
            r#"{"name":"free","aggregation":"sum","unpriced":{"policy":"record_unpriced"}}"#,
        ),
    ] {
        let made = app.post(path, key, body.to_owned()).await;
        assert_eq!(made.status, StatusCode::CREATED, "{path}: {}", made.text());
    }
    app
}

fn tokens(id: &str, input: u64) -> String {
    format!(
        r#"{{"tenant":"t_acme","meter":"llm","input":{input},"output":1000,"model":"m","agent":"a","occurred_at":"2026-11-20T11:00:00Z","source":"gateway","id":"{id}"}}"#
    )
}

#[tokio::test]
async fn one_record_is_rated_and_answered_alone() {
    let app = app_with_meters().await;
    let recorded = app.post_usage("", tokens("1", 500_000)).await;
    assert_eq!(recorded.status, StatusCode::OK, "{}", recorded.text());
    assert_json_snapshot!(recorded.json());
    let refused = app.post_usage("", tokens("2", 500_000_000)).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(refused.code(), "insufficient_credits");
}

#[tokio::test]
async fn the_same_record_again_has_no_effect_and_the_same_answer() {
    let app = app_with_meters().await;
    let first = app.post_usage("", tokens("1", 1)).await;
    let head = app.head();
    let again = app.post_usage("", tokens("1", 1)).await;
    assert_eq!(first.bytes, again.bytes);
    assert_eq!((first.header("quipu-duplicates"), again.header("quipu-duplicates")), ("0", "1"));
    let other = app.post_usage("", tokens("1", 2)).await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "usage_id_reused".to_owned()));
    assert_eq!(app.head(), head);
}

/// U5: of a batch that is refused nothing is in the journal, so no position is named.
#[tokio::test]
async fn an_id_that_an_atomic_batch_uses_twice_is_refused_without_a_position() {
    let app = app_with_meters().await;
    let head = app.head();
    let batch = format!("[{},{}]", tokens("1", 1), tokens("1", 2));
    let refused = app.post_usage("?atomic=true", batch.clone()).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "usage_id_reused".to_owned()));
    let problem = refused.json();
    assert_eq!((&problem["index"], problem.get("position")), (&1.into(), None), "{problem:#}");
    let detail = "another record of this batch has this source and id with other content";
    assert_eq!(problem["detail"], detail);
    assert_eq!(app.head(), head);
    app.post_usage("", tokens("1", 1)).await;
    let refused = app.post_usage("?atomic=true", batch).await.json();
    assert_eq!(refused["position"], app.head().0, "that one is in the journal: {refused:#}");
}

#[tokio::test]
async fn a_record_without_time_and_id_is_known_by_its_key() {
    let app = app_with_meters().await;
    let record = r#"{"tenant":"t_acme","meter":"calls","quantity":2}"#;
    let keyless = app.post_usage("", record).await;
    assert_eq!((keyless.status.as_u16(), keyless.code()), (400, "idempotency_key_required".into()));
    let first = app.post("/v1/usage", "k", record).await;
    assert_eq!(first.json()["amount"], "1", "{}", first.text());
    app.clock.advance_seconds(60);
    let again = app.post("/v1/usage", "k", record).await;
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(again.header("quipu-duplicates"), "1");
    let other =
        app.post("/v1/usage", "k", r#"{"tenant":"t_acme","meter":"calls","quantity":3}"#).await;
    assert_eq!((other.status.as_u16(), other.code()), (422, "idempotency_key_reused".into()));
}

/// U1: a record without an id is known by its place, which means something in one array only.
#[tokio::test]
async fn a_key_is_bound_to_the_whole_array() {
    let app = app_with_meters().await;
    let bad = r#"{"tenant":"t_acme","meter":"cals","quantity":1}"#;
    let good = r#"{"tenant":"t_acme","meter":"calls","quantity":1,"run":"r2"}"#;
    let both = format!("[{bad},{good},{good}]");
    let first = app.post("/v1/usage", "k", both.clone()).await;
    assert_eq!(first.status, StatusCode::MULTI_STATUS, "{}", first.text());
    assert_eq!(first.json()["results"][2]["status"], "recorded", "equal records both count");
    let head = app.head();
    let mended = good.replace("r2", "r3");
    for other in [good.to_owned(), format!("[{good}]"), format!("[{mended},{good},{good}]")] {
        let refused = app.post("/v1/usage", "k", other.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{other}");
        assert_eq!(refused.code(), "idempotency_key_reused", "{other}");
    }
    let debit = app.post("/v1/tenants/t_acme/debits", "k", r#"{"amount":"1"}"#).await;
    assert_eq!(debit.code(), "idempotency_key_reused", "{}", debit.text());
    app.clock.advance_seconds(60);
    let again = app.post("/v1/usage", "k", both).await;
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(again.header("quipu-duplicates"), "2");
    assert_eq!(app.head(), head);
    let alone = app.post("/v1/usage", "k2", mended).await;
    assert_eq!(alone.status, StatusCode::OK, "{}", alone.text());
}

/// Who builds a record again on a retry makes another id, and keeps the key.
#[tokio::test]
async fn a_key_is_bound_to_records_with_ids_too() {
    let app = app_with_meters().await;
    let first = app.post("/v1/usage", "k", tokens("first", 10)).await;
    assert_eq!(first.status.as_u16(), 200, "{}", first.text());
    let head = app.head();
    let again = app.post("/v1/usage", "k", tokens("second", 10)).await;
    assert_eq!((again.status.as_u16(), again.code()), (422, "idempotency_key_reused".into()));
    let retry = app.post("/v1/usage", "k", tokens("first", 10)).await;
    assert_eq!(retry.text(), first.text());
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn a_batch_is_taken_record_by_record() {
    let app = app_with_meters().await;
    let unpriced = r#"{"tenant":"t_acme","meter":"free","quantity":"1.5","source":"s","id":"f"}"#;
    let unknown = r#"{"tenant":"t_nobody","meter":"calls","quantity":1,"source":"s","id":"u"}"#;
    let batch = format!("[{},{unpriced},{unknown},{}]", tokens("1", 1), tokens("2", 500_000_000));
    let answer = app.post_usage("", batch).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS, "{}", answer.text());
    assert_json_snapshot!(answer.json());
    let all = app.post_usage("", format!("[{},{}]", tokens("1", 1), tokens("3", 1))).await;
    assert_eq!(all.status, StatusCode::OK);
    assert_eq!(all.header("quipu-duplicates"), "1");
}

#[tokio::test]
async fn an_atomic_batch_is_recorded_whole_or_not_at_all() {
    let app = app_with_meters().await;
    let head = app.head();
    let batch = format!("[{},{}]", tokens("1", 1), tokens("2", 500_000_000));
    let refused = app.post_usage("?atomic=true", batch).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED, "{}", refused.text());
    assert_eq!(
        (refused.code(), &refused.json()["index"]),
        ("insufficient_credits".into(), &1.into())
    );
    assert_eq!(app.head(), head);
    let batch = format!("[{},{}]", tokens("1", 1), tokens("2", 2));
    let recorded = app.post_usage("?atomic=true", batch).await;
    assert_eq!(recorded.status, StatusCode::OK, "{}", recorded.text());
    assert_eq!(app.head().0, head.0 + 2);
}

#[tokio::test]
async fn a_batch_has_one_to_ten_thousand_records() {
    let app = app_with_meters().await;
    let record = |id: usize| {
        format!(
            r#"{{"tenant":"t_acme","meter":"calls","quantity":"0.001","source":"s","id":"{id}"}}"#
        )
    };
    let empty = app.post_usage("", "[]").await;
    assert_eq!((empty.status.as_u16(), empty.code()), (400, "empty_batch".into()));
    let head = app.head();
    let mut records: Vec<String> = (0..10_001).map(record).collect();
    let over = app.post_usage("", format!("[{}]", records.join(","))).await;
    assert_eq!((over.status.as_u16(), over.code()), (413, "batch_too_large".into()));
    assert_eq!(app.head(), head);
    records.pop();
    let most = app.post_usage("", format!("[{}]", records.join(","))).await;
    assert_eq!(most.status, StatusCode::OK, "{}", &most.text()[..200]);
    assert_eq!(app.head().0, head.0 + 10_000);
}

#[tokio::test]
async fn a_mistaken_record_is_voided_and_an_unpriced_one_rated() {
    let app = app_with_meters().await;
    let unpriced = r#"{"tenant":"t_acme","meter":"free","quantity":2,"occurred_at":"2026-11-20T11:00:00Z","source":"s","id":"f"}"#;
    let entry = app.post_usage("", unpriced).await.json()["entry"].as_str().unwrap().to_owned();
    let price =
        r#"{"effective_at":"2026-01-01T00:00:00Z","price":{"model":"flat","unit_price":"3"}}"#;
    app.post("/v1/meters/free/prices", "late", price).await;
    let path = format!("/v1/tenants/t_acme/usage/{entry}");
    let rated = app.post(&format!("{path}/rate"), "r", r#"{"reason":"price is known"}"#).await;
    assert_eq!(
        (rated.status.as_u16(), &rated.json()["amount"]),
        (200, &"6".into()),
        "{}",
        rated.text()
    );
    let void = app.post(&format!("{path}/void"), "v", r#"{"reason":"a test run"}"#).await;
    assert_eq!(void.json()["balance"]["available"], "100", "{}", void.text());
}

/// What goes back to so many lots has no room in one event.
#[tokio::test]
async fn a_correction_for_very_many_lots_says_how_it_is_done_in_parts() {
    let app = app_with_meters().await;
    for n in 0..400 {
        app.post("/v1/tenants/t_acme/grants", &format!("g{n}"), r#"{"amount":"1"}"#).await;
    }
    let used = r#"{"tenant":"t_acme","meter":"calls","quantity":1000,"occurred_at":"2026-11-20T11:00:00Z","source":"s","id":"c"}"#;
    let entry = app.post_usage("", used).await.json()["entry"].as_str().unwrap().to_owned();
    let nothing =
        r#"{"effective_at":"2026-01-01T00:00:00Z","price":{"model":"flat","unit_price":"0"}}"#;
    app.post("/v1/meters/calls/prices", "nothing", nothing).await;
    let correct = async |name: &str, key: &str| {
        let path = format!("/v1/tenants/t_acme/usage/{entry}/{name}");
        app.post(&path, key, r#"{"reason":"a test run"}"#).await
    };
    for (name, hint) in [
        ("void", "refund parts of the record first, then void what is left of it"),
        ("rate", "do not rate the record: refund the difference in parts, or debit it"),
    ] {
        let refused = correct(name, name).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (413, "event_too_large".into()));
        assert_eq!(refused.json()["hint"], hint);
    }
    let part = format!(r#"{{"entry":"{entry}","amount":"200"}}"#);
    let refunded = app.post("/v1/tenants/t_acme/refunds", "part", part).await;
    assert_eq!(refunded.status, StatusCode::CREATED, "{}", refunded.text());
    let void = correct("void", "rest").await;
    assert_eq!(void.json()["balance"]["available"], "500", "{}", void.text());
}

#[tokio::test]
async fn a_record_that_is_not_understood_is_refused() {
    let app = app_with_meters().await;
    let head = app.head();
    for (field, code) in [
        (r#""quantity":1.5"#, "invalid_number"),
        (r#""quantity":1e3"#, "invalid_number"),
        (r#""quantity":"1e3""#, "invalid_number"),
        (r#""quantity":"1_000""#, "invalid_number"),
        (r#""input":-1"#, "invalid_value"),
        (r#""input":1.5"#, "invalid_type"),
        (r#""input":"1""#, "invalid_type"),
        (r#""input":18446744073709551616"#, "invalid_type"),
        (r#""quantity":1,"quantity":2"#, "duplicate_field"),
        (r#""dimensions":{"a":"1","a":"2"}"#, "duplicate_field"),
        (r#""cost":"1""#, "unknown_field"),
    ] {
        let record =
            format!(r#"{{"tenant":"t_acme","meter":"calls","source":"s","id":"x",{field}}}"#);
        for body in [record.clone(), format!("[{record}]")] {
            let refused = app.post_usage("", body).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{field}: {}", refused.text());
            assert_eq!(refused.code(), code, "{field}");
        }
    }
    for query in ["?atomic=yes", "?atomic=true&atomic=true", "?mode=fast"] {
        let refused = app.post_usage(query, tokens("1", 1)).await;
        assert_eq!(refused.code(), "invalid_query", "{query}");
    }
    assert_eq!(app.head(), head);
}

async fn post_as(
    app: &App,
    content_type: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> crate::app::Answer {
    let mut request = Request::post("/v1/usage").header("content-type", content_type);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

const CLOUD_EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"//gateway/1","type":"llm","subject":"t_acme","time":"2026-11-20T11:00:00Z","traceparent":"00-a-b-01","data":{"input":1,"output":1000,"model":"m","agent":"a"}}"#;

#[tokio::test]
async fn cloud_events_are_the_same_records_in_every_mode() {
    let app = app_with_meters().await;
    let structured =
        post_as(&app, "application/cloudevents+json; charset=utf-8", &[], CLOUD_EVENT).await;
    assert_eq!(structured.status, StatusCode::OK, "{}", structured.text());
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "%2F%2Fgateway/1"),
        ("ce-type", "com.example.used"),
        ("ce-subject", "t_acme"),
        ("ce-time", "2026-11-20T11:00:00Z"),
    ];
    let data = r#"{"meter":"llm","input":1,"output":1000,"model":"m","agent":"a"}"#;
    let binary = post_as(&app, "application/json", &headers, data).await;
    assert_eq!(binary.bytes, structured.bytes, "{}", binary.text());
    assert_eq!(binary.header("quipu-duplicates"), "1");
    let typed = r#""datacontenttype":"Application/JSON; charset=utf-8","traceparent""#;
    let typed = CLOUD_EVENT.replace(r#""traceparent""#, typed);
    let typed = post_as(&app, "application/cloudevents+json", &[], &typed).await;
    assert_eq!(typed.bytes, structured.bytes, "{}", typed.text());
    let batch = format!("[{CLOUD_EVENT}]");
    let batch = post_as(&app, "application/cloudevents-batch+json", &[], &batch).await;
    assert_eq!(batch.json()["results"][0], structured.json());
}

#[tokio::test]
async fn a_cloud_event_that_is_not_understood_is_refused() {
    let app = app_with_meters().await;
    let head = app.head();
    let structured = "application/cloudevents+json";
    for (from, to, code) in [
        (r#""1.0""#, r#""0.3""#, "invalid_cloud_event"),
        (r#""type":"llm""#, r#""type":"Not A Meter""#, "invalid_cloud_event"),
        (r#""traceparent":"00-a-b-01""#, r#""datacontenttype":"text/xml""#, "invalid_cloud_event"),
        (r#""traceparent":"00-a-b-01""#, r#""data_base64":"e30=""#, "invalid_cloud_event"),
        (r#""subject":"t_acme","#, "", "missing_field"),
        (r#""input":1"#, r#""imput":1"#, "unknown_field"),
        (r#""id":"1""#, r#""id":"1","id":"2""#, "duplicate_field"),
    ] {
        let refused = post_as(&app, structured, &[], &CLOUD_EVENT.replace(from, to)).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (400, code.to_owned()),
            "{to}: {}",
            refused.text()
        );
    }
    let headers = [("ce-specversion", "1.0"), ("ce-id", "%zz")];
    let refused = post_as(&app, "application/json", &headers, r#"{"input":1}"#).await;
    assert_eq!(refused.code(), "invalid_cloud_event");
    assert_eq!(app.head(), head);
}

#[tokio::test]
async fn a_report_sums_usage_by_window_and_group() {
    let app = app_with_meters().await;
    for id in ["1", "2", "3"] {
        app.post_usage("", tokens(id, 500_000)).await;
    }
    let call = r#"{"tenant":"t_acme","meter":"calls","quantity":"1.5","occurred_at":"2026-11-19T11:00:00Z","source":"s","id":"c"}"#;
    app.post_usage("", call).await;
    let report = app.read("/v1/tenants/t_acme/usage?group_by=meter&window=day").await.json();
    assert_json_snapshot!(report);
    let first = app.read("/v1/tenants/t_acme/usage?group_by=meter&limit=1").await.json();
    let next = first["next_after"].as_str().unwrap();
    let second = app.read(&format!("/v1/tenants/t_acme/usage?group_by=meter&after={next}")).await;
    assert_eq!(second.json()["usage"][0]["group"], "llm");
}
