//! The journal's events, as pages and as a stream.

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures::StreamExt;
use quipu_domain::Position;
use tower::ServiceExt;

use crate::app::App;

async fn app_with_events() -> App {
    let app = App::start().with_credits("10").await;
    app.post("/v1/tenants", "other", r#"{"name":"B","id":"t_b"}"#).await;
    for number in 0..5 {
        let key = format!("d{number}");
        app.post("/v1/tenants/t_acme/debits", &key, r#"{"amount":"1"}"#).await;
    }
    app
}

#[tokio::test]
async fn pages_hold_every_event_once_byte_for_byte() {
    let app = app_with_events().await;
    let stored = app.engine.journal().stored_page(Position::ZERO, 100).unwrap();
    let mut after = 0;
    let mut seen = Vec::new();
    loop {
        let page = app.get(&format!("/v1/events?after={after}&limit=3")).await;
        assert_eq!(page.json()["head"], 8);
        let events = page.json()["events"].as_array().unwrap().len();
        if events == 0 {
            break;
        }
        for event in &stored[after..after + events] {
            assert!(page.text().contains(&event.text), "{}", event.text);
        }
        seen.extend(page.json()["events"].as_array().unwrap().clone());
        after = usize::try_from(page.json()["next_after"].as_u64().unwrap()).unwrap();
    }
    let positions: Vec<u64> =
        seen.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=8).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_filter_finds_its_events_and_the_cursor_moves_past_the_others() {
    let app = app_with_events().await;
    for (filter, positions, next_after) in [
        ("tenant=t_b", vec![3], 8),
        ("type=CreditsDebited", vec![4, 5, 6, 7, 8], 8),
        ("type=CreditsDebited&limit=2", vec![4, 5], 5),
        ("stream=tenant/t_acme", vec![1], 8),
        ("tenant=t_acme&type=TenantCreated", vec![1], 8),
        ("tenant=t_nobody", vec![], 8),
    ] {
        let page = app.get(&format!("/v1/events?{filter}")).await.json();
        let events = page["events"].as_array().unwrap();
        let found: Vec<u64> =
            events.iter().map(|event| event["position"].as_u64().unwrap()).collect();
        assert_eq!(found, positions, "{filter}");
        assert_eq!(page["next_after"], next_after, "{filter}");
    }
}

/// RFC 9110: what has a quality of 0 is not wanted, and of two that are the better one is.
#[tokio::test]
async fn a_stream_that_is_not_wanted_is_a_page() {
    let app = App::start().with_credits("5").await;
    for (accept, media_type) in [
        ("application/json, text/event-stream;q=0", "application/json"),
        ("text/event-stream; q=0.000", "application/json"),
        ("application/json, text/event-stream;q=0.1", "application/json"),
        ("text/event-stream;q=0.9, application/json;q=0.5", "text/event-stream"),
        ("text/event-stream, application/json", "text/event-stream"),
    ] {
        let request = Request::get("/v1/events").header("accept", accept);
        let request = request.body(Body::empty()).unwrap();
        let response = app.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], media_type, "{accept}");
    }
}

async fn tail(app: &App, path: &str, last_event_id: Option<&str>) -> BodyDataStream {
    let mut request = Request::get(path).header("accept", "text/event-stream");
    if let Some(id) = last_event_id {
        request = request.header("last-event-id", id);
    }
    let response = app.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body().into_data_stream()
}

/// The ids of the next so many events of a stream.
async fn next_ids(stream: &mut BodyDataStream, count: usize) -> Vec<u64> {
    let mut text = String::new();
    loop {
        let ids: Vec<u64> = text
            .lines()
            .filter_map(|line| line.strip_prefix("id: "))
            .map(|id| id.parse().unwrap())
            .collect();
        if ids.len() >= count && text.ends_with("\n\n") {
            return ids;
        }
        let chunk = stream.next().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

#[tokio::test]
async fn a_stream_catches_up_and_then_goes_on_live() {
    let app = app_with_events().await;
    let mut all = tail(&app, "/v1/events", None).await;
    assert_eq!(next_ids(&mut all, 8).await, (1..=8).collect::<Vec<u64>>());
    let mut debits = tail(&app, "/v1/events?type=CreditsDebited&after=5", None).await;
    assert_eq!(next_ids(&mut debits, 3).await, [6, 7, 8]);
    app.post("/v1/tenants/t_acme/grants", "more", r#"{"amount":"5"}"#).await;
    app.post("/v1/tenants/t_acme/debits", "another", r#"{"amount":"1"}"#).await;
    assert_eq!(next_ids(&mut all, 2).await, [9, 10]);
    assert_eq!(next_ids(&mut debits, 1).await, [10]);
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_was_received() {
    let app = app_with_events().await;
    let mut stream = tail(&app, "/v1/events?after=0", Some("6")).await;
    assert_eq!(next_ids(&mut stream, 2).await, [7, 8]);
    let request = Request::get("/v1/events")
        .header("accept", "text/event-stream")
        .header("last-event-id", "six");
    let refused = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::BAD_REQUEST, "invalid_header".into())
    );
}

#[tokio::test]
async fn a_silent_stream_has_heartbeats() {
    let limits = quipu_api::Limits {
        heartbeat: std::time::Duration::from_millis(5),
        ..quipu_api::Limits::default()
    };
    let app = App::with(limits);
    let mut stream = tail(&app, "/v1/events", None).await;
    let heartbeat = stream.next().await.unwrap().unwrap();
    assert_eq!(&heartbeat[..], b": heartbeat\n\n");
}

/// A consumer whose server was restored from an older copy is told, and loses no event silently.
#[tokio::test]
async fn refuses_a_cursor_beyond_the_head() {
    let app = app_with_events().await;
    let stream = |path: &str, last_event_id: Option<&str>| {
        let mut request = Request::get(path).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        request.body(Body::empty()).unwrap()
    };
    let page = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    for (about, request) in [
        ("page", page("/v1/events?after=9")),
        ("page of a tenant", page("/v1/events?after=9&tenant=t_acme")),
        ("stream", stream("/v1/events?after=9", None)),
        ("stream that goes on", stream("/v1/events", Some("9"))),
    ] {
        let refused = app.send(request).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (StatusCode::BAD_REQUEST, "future_moment"),
            "{about}: {}",
            refused.text()
        );
        let problem = refused.json();
        assert_eq!((&problem["position"], &problem["wanted"]), (&8.into(), &9.into()), "{about}");
        assert!(problem["hint"].as_str().unwrap().contains("older copy"), "{about}: {problem}");
    }
    let at_head = app.get("/v1/events?after=8").await.json();
    assert_eq!((&at_head["events"], &at_head["next_after"]), (&serde_json::json!([]), &8.into()));
    let mut stream = tail(&app, "/v1/events?after=8", None).await;
    app.post("/v1/tenants/t_acme/debits", "next", r#"{"amount":"1"}"#).await;
    assert_eq!(next_ids(&mut stream, 1).await, [9]);
}
