//! `/livez`, `/readyz`, `/metrics`: for whoever runs the server.

use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use quipu_domain::{Position, Timestamp};
use quipu_engine::Status;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::json;
use crate::state::State;

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
        (status = 503, body = Readiness, description = "Not now."),
    )
)]
pub(crate) async fn readyz(Shared(state): Shared<State>) -> Response {
    let (code, status, why) = match state.engine.status() {
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
    };
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

/// Counters and histograms in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    operation_id = "show_metrics",
    responses((status = 200, body = String, content_type = "text/plain", description = "The metrics."))
)]
pub(crate) async fn metrics(Shared(state): Shared<State>) -> Response {
    state.metrics.run_upkeep();
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (content_type, state.metrics.render()).into_response()
}
