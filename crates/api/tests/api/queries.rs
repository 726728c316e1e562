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
