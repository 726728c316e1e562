//! What whoever runs the server looks at.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use crate::app::{Answer, App};

#[tokio::test]
async fn a_server_lives_and_is_ready() {
    let app = App::start().with_credits("1").await;
    assert_eq!(app.get("/livez").await.json()["status"], "ok");
    app.read("/v1/tenants").await;
    let ready = app.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    let ready = ready.json();
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["journal_position"], 2);
    assert_eq!(ready["views_position"], 2);
    assert_eq!(ready["views_lag_events"], 0);
    assert_eq!(ready["store"]["store"], "memory");
}

#[tokio::test]
async fn a_server_whose_engine_has_stopped_is_not_ready() {
    let app = App::start();
    app.engine.shutdown().await;
    assert_eq!(app.get("/livez").await.status, StatusCode::OK);
    let ready = app.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["status"], "stopped");
}

/// Nobody sends a command; the engine asks of its own accord.
#[tokio::test]
async fn a_server_whose_store_is_away_is_not_ready() {
    let app = App::start();
    for (away, status) in [(true, "unavailable"), (false, "ready")] {
        app.store.unavailable(away);
        let ready = until(&app, status).await;
        assert_eq!(ready.status == StatusCode::SERVICE_UNAVAILABLE, away, "{}", ready.text());
    }
}

#[tokio::test]
async fn views_that_stand_still_are_named() {
    let app = App::start();
    for (fails, status) in [(true, "degraded"), (false, "ready")] {
        app.views_fail.store(fails, Ordering::Relaxed);
        let ready = until(&app, status).await;
        assert_eq!(ready.status, StatusCode::OK, "commands are taken");
        assert_eq!(ready.text().contains("a feed on fire"), fails, "{}", ready.text());
    }
}

async fn until(app: &App, status: &str) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let ready = app.get("/readyz").await;
        if ready.json()["status"] == status {
            return ready;
        }
        assert!(Instant::now() < deadline, "{}", ready.text());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn metrics_are_text_for_prometheus() {
    let app = App::start();
    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.status, StatusCode::OK);
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
}

#[tokio::test]
async fn projections_say_how_far_they_are() {
    let app = App::start().with_credits("1").await;
    app.read("/v1/tenants").await;
    let answer = app.get("/v1/projections").await.json();
    let projections = answer["projections"].as_array().unwrap();
    assert_eq!(projections.len(), 11);
    assert!(projections.iter().all(|each| each["lag_events"] == 0), "{answer}");
    assert!(projections.iter().all(|each| each["parked"] == serde_json::json!([])));
}
