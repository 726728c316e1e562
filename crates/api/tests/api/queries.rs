//! What a query or a cursor must be, and what is said where it is not.

use axum::body::Body;
use axum::http::Request;

use crate::app::App;

/// A tenant with credits, which the views know.
async fn app() -> App {
    let app = App::start().with_credits("5").await;
    assert_eq!(app.read("/v1/tenants/t_acme").await.status.as_u16(), 200);
    app
}

/// J1: a database counts to 2^63 - 1. Nothing stands beyond that, and nothing adds to it.
#[tokio::test]
async fn refuses_positions_and_ids_that_no_database_can_count_to() {
    let app = app().await;
    for number in ["9223372036854775808", "18446744073709551615", "18446744073709551616"] {
        for (path, code) in [
            ("/v1/events?after=", "invalid_query"),
            ("/v1/audit?after=", "invalid_query"),
            ("/v1/audit?order=newest_first&after=", "invalid_query"),
            ("/v1/tenants/t_acme/entries?after=", "invalid_query"),
            ("/v1/tenants/t_acme/balance?known_at=", "invalid_query"),
            ("/v1/tenants/t_acme/balance?at_least=", "invalid_query"),
            ("/v1/tenants/t_acme/grants?after=grant_", "invalid_query"),
            ("/v1/tenants/t_acme/lots?after=grant_", "invalid_query"),
            ("/v1/tenants/t_acme/holds?after=hold_", "invalid_query"),
            ("/v1/explain/", "invalid_path"),
            ("/v1/explain/entry_", "invalid_path"),
            ("/v1/explain/grant_", "invalid_path"),
            ("/v1/explain/hold_", "invalid_path"),
        ] {
            let answer = app.get(&format!("{path}{number}")).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (400, code),
                "{path}{number}: {}",
                answer.text()
            );
        }
        let request = Request::get("/v1/events")
            .header("accept", "text/event-stream")
            .header("last-event-id", number);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "invalid_header"));
        let proof = app.get(&format!("/v1/events/{number}/proof")).await;
        assert_eq!((proof.status.as_u16(), proof.code().as_str()), (400, "invalid_path"));
    }
}

/// J1: the largest number is no special case: there is just nothing after it.
#[tokio::test]
async fn the_largest_position_is_one_that_nothing_comes_after() {
    const LAST: u64 = 9_223_372_036_854_775_807;
    let app = app().await;
    for (path, items) in [
        ("/v1/audit?after=", "lines"),
        ("/v1/tenants/t_acme/entries?after=", "entries"),
        ("/v1/tenants/t_acme/grants?after=grant_", "lots"),
        ("/v1/tenants/t_acme/lots?after=grant_", "lots"),
        ("/v1/tenants/t_acme/holds?after=hold_", "holds"),
    ] {
        let answer = app.get(&format!("{path}{LAST}")).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.text());
        assert_eq!(answer.json()[items], serde_json::json!([]), "{path}");
    }
    for thing in ["", "entry_", "grant_", "hold_"] {
        let answer = app.get(&format!("/v1/explain/{thing}{LAST}")).await;
        assert_eq!(answer.status.as_u16(), 404, "{thing}: {}", answer.text());
    }
    for path in [
        format!("/v1/events/{LAST}/proof"),
        format!("/v1/events/1/proof?size={}", u64::MAX),
        format!("/v1/proofs/consistency?from={}", u64::MAX),
        format!("/v1/checkpoints?after={}", u64::MAX),
        "/v1/log/tile/entries/x999/x999/x999/x999/x999/999".to_owned(),
    ] {
        let answer = app.get(&path).await;
        assert!(answer.status.as_u16() < 500, "{path}: {}", answer.text());
    }
}

/// M5: what opens a period cannot be what was there after it had closed.
#[tokio::test]
async fn refuses_a_period_that_ends_before_it_begins() {
    let app = app().await;
    for path in
        ["/v1/tenants/t_acme/entries", "/v1/tenants/t_acme/usage", "/v1/trial-balance", "/v1/audit"]
    {
        let reversed = "from=2027-01-01T00:00:00Z&to=2020-01-01T00:00:00Z";
        let refused = app.get(&format!("{path}?{reversed}")).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (400, "invalid_query"),
            "{path}: {}",
            refused.text()
        );
        let detail = refused.json()["detail"].to_string();
        assert!(detail.contains("ends before it begins"), "{path}: {detail}");
        let empty = "from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z";
        let answer = app.get(&format!("{path}?{empty}")).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_refusal_names_the_parameter_and_what_it_must_be() {
    let app = app().await;
    for (path, parameter, expected) in [
        ("/v1/events?limit=-1", "limit", "a whole number from 1 to 1000"),
        ("/v1/events?limit=", "limit", "a whole number from 1 to 1000"),
        ("/v1/events?limit=1001", "limit", "a whole number from 1 to 1000"),
        ("/v1/explain/balance/t_acme?limit=101", "limit", "a whole number from 1 to 100"),
        ("/v1/explain/1?limit=x", "limit", "a whole number from 1 to 100"),
        ("/v1/events?after=x", "after", "a whole number"),
        ("/v1/events?after=", "after", "a whole number"),
        ("/v1/events?after=18446744073709551616", "after", "a whole number"),
        ("/v1/events?after=9223372036854775808", "after", "9223372036854775807"),
        ("/v1/tenants/t_acme?at_least=-1", "at_least", "a whole number"),
        ("/v1/tenants?after=acme", "after", "is not a tenant id"),
        ("/v1/tenants/t_acme/balance?known_at=x", "known_at", "a position such as 17"),
        ("/v1/tenants/t_acme/entries?order=up", "order", "oldest_first"),
        ("/v1/tenants/t_acme/entries?from=today", "from", "RFC 3339"),
        ("/v1/events/1/proof?size=x", "size", "a whole number"),
    ] {
        let refused = app.get(path).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (400, "invalid_query"),
            "{path}: {}",
            refused.text()
        );
        let problem = refused.json();
        assert_eq!(problem["parameter"], parameter, "{path}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("{parameter}: ")), "{path}: {detail}");
        assert!(detail.contains(expected), "{path}: {detail}");
    }
    let unknown = app.get("/v1/events?limits=1").await.json();
    assert!(unknown["detail"].as_str().unwrap().contains("unknown field `limits`"), "{unknown}");
    let twice = app.get("/v1/events?limit=1&limit=2").await.json();
    assert!(twice["detail"].as_str().unwrap().contains("duplicate field `limit`"), "{twice}");
}

#[tokio::test]
async fn a_time_beyond_the_calendar_is_told_where_the_calendar_ends() {
    let app = app().await;
    for time in ["9999-12-31T00:00:00Z", "9999-12-31T00:00:00%2B01:00", "0001-01-01T00:00:00Z"] {
        let refused = app.get(&format!("/v1/trial-balance?from={time}")).await;
        assert_eq!(refused.code(), "invalid_query", "{}", refused.text());
        let detail = refused.json()["detail"].to_string();
        assert!(!detail.contains("not an RFC 3339 time"), "{detail}");
        for end in ["0001-01-02T00:00:00Z", "9999-12-30T00:00:00Z"] {
            assert!(detail.contains(end), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_plus_that_became_a_space_is_told_how_to_be_written() {
    let app = app().await;
    for (path, parameter) in [
        ("/v1/tenants/t_acme/balance?as_of=", "as_of"),
        ("/v1/tenants/t_acme/balance?known_at=", "known_at"),
        ("/v1/trial-balance?to=", "to"),
    ] {
        let refused = app.get(&format!("{path}2026-11-20T12:00:00+01:00")).await.json();
        assert_eq!(refused["parameter"], parameter, "{refused}");
        let hint = refused["hint"].as_str().unwrap();
        assert!(hint.contains("write %2B, or Z"), "{hint}");
        let answer = app.get(&format!("{path}2026-11-20T12:00:00%2B01:00")).await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.text());
    }
}
