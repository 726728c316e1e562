//! What a server answers that has not opened its book yet.

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use tokio::sync::watch;

use crate::edge::RequestId;
use crate::health;
use crate::problem::{Code, Problem};

/// `GET /livez` as ever; all else is told what the server waits for.
pub fn opening_router(why: watch::Receiver<&'static str>) -> Router {
    let not_open = move |headers: HeaderMap| async move {
        let RequestId(id) = RequestId::of(&headers);
        let why = *why.borrow();
        Problem::new(
            Code::BookNotOpen,
            format!("the server has started and does not have its book yet: {why}"),
            "send it again after the time that Retry-After says; a command keeps its Idempotency-Key",
        )
        .retry_after_seconds(1)
        .render(id.as_str())
    };
    Router::new().route("/livez", get(health::livez)).fallback(not_open)
}
