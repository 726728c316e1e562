//! `/livez`, `/readyz`, `/metrics`: for whoever runs the server.

use std::time::Duration;

use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use quipu_domain::{Position, Timestamp};
use quipu_engine::Status;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::json;
use crate::problem::ProblemDocument;
use crate::reading::blocking;
use crate::state::{State, now};

/// How long the metrics wait for the journal.
const LAG_TIMEOUT: Duration = Duration::from_secs(1);

/// That the process lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct Liveness {
    /// `ok`.
    status: &'static str,
}

/// Whether commands can be taken, and how far the views are.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready`; `degraded`: commands are taken, and the views stand still; `unavailable` or `stopped`.
    status: &'static str,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Since when this process runs.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// The journal's last position.
    #[schema(value_type = u64)]
    journal_position: Position,
    /// The position that the views have reached.
    #[schema(value_type = u64)]
    views_position: Position,
    /// Events that the views have yet to see.
    views_lag_events: u64,
    /// What makes the store durable, as it says itself.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    store: std::collections::BTreeMap<String, String>,
}

/// Whether the process lives.
#[utoipa::path(
    get, path = "/livez", tag = "operations",
    operation_id = "show_liveness",
    responses((status = 200, body = Liveness, description = "It lives."))
)]
pub(crate) async fn livez() -> Response {
    json(StatusCode::OK, &Liveness { status: "ok" })
}

/// Whether commands can be taken.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    operation_id = "show_readiness",
    responses(
        (status = 200, body = Readiness, description = "Commands are taken."),
        (
            status = 503, description = "Not now; a problem document where the book is not open yet.",
            content((Readiness = "application/json"), (ProblemDocument = "application/problem+json"))
        ),
    )
)]
pub(crate) async fn readyz(Shared(state): Shared<State>) -> Response {
    let (code, status, why) = readiness(&state);
    let journal_position = state.engine.subscribe().borrow().position;
    let views_position = state.views.checkpoint();
    let readiness = Readiness {
        status,
        why,
        started_at: state.started_at,
        journal_position,
        views_position,
        views_lag_events: journal_position.0.saturating_sub(views_position.0),
        store: state.store_settings.iter().cloned().collect(),
    };
    json(code, &readiness)
}

fn readiness(state: &State) -> (StatusCode, &'static str, Option<String>) {
    match state.engine.status() {
        Status::Ready => match state.views.standstill() {
            Some(why) => (StatusCode::OK, "degraded", Some(format!("the views: {why}"))),
            None => (StatusCode::OK, "ready", None),
        },
        Status::Unavailable { why } => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", Some(why.to_string()))
        }
        Status::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "stopped", None),
        Status::Overtaken => {
            let why = "another server has taken the book over".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, "stopped", Some(why))
        }
    }
}

/// Counters and histograms in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    operation_id = "show_metrics",
    responses((status = 200, body = String, content_type = "text/plain", description = "The metrics."))
)]
pub(crate) async fn metrics(Shared(state): Shared<State>) -> Response {
    let (code, ..) = readiness(&state);
    metrics::gauge!("quipu_ready").set(if code == StatusCode::OK { 1.0 } else { 0.0 });
    gauge_lag(&state).await;
    state.metrics.run_upkeep();
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (content_type, state.metrics.render()).into_response()
}

/// What the views say by themselves is as old as their last step, and they may be held up.
async fn gauge_lag(state: &State) {
    let lag = state.engine.subscribe().borrow().position.0;
    let lag = lag.saturating_sub(state.views.checkpoint().0);
    metrics::gauge!("quipu_views_lag_events").set(lag as f64);
    let views = state.views.clone();
    let since = blocking(move || if lag == 0 { Ok(None) } else { views.behind_since() });
    // Where the journal does not say, the last answer stays.
    if let Ok(Ok(since)) = tokio::time::timeout(LAG_TIMEOUT, since).await {
        let micros = since.map_or(0, |since| now().micros().saturating_sub(since.micros()));
        let behind = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        metrics::gauge!("quipu_views_lag_seconds").set(behind.as_secs_f64());
    }
}
