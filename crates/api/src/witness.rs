//! `POST /add-checkpoint`: a witness over HTTP (c2sp.org/tlog-witness). Its answers are the
//! protocol's, not problem documents.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use quipu_proofs::{Witness, WitnessRefusal};

use crate::state::now;

/// A checkpoint with a hundred signatures and a proof are far below it.
const MOST_BODY_BYTES: usize = 128 * 1024;

/// The whole interface of a witness.
pub fn witness_router(witness: Arc<Witness>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .with_state(witness)
}

async fn add_checkpoint(Shared(witness): Shared<Arc<Witness>>, body: String) -> Response {
    let asked = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body, now())).await;
    let refusal = match asked {
        Ok(Ok(lines)) => {
            return (StatusCode::OK, [plain("text/plain; charset=utf-8")], lines).into_response();
        }
        Ok(Err(refusal)) => refusal,
        Err(panic) => {
            tracing::error!(%panic, "a checkpoint was not looked at");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    tracing::info!(%refusal, "not cosigned");
    let status = match &refusal {
        WitnessRefusal::Malformed(_) => StatusCode::BAD_REQUEST,
        WitnessRefusal::UnknownLog(_) => StatusCode::NOT_FOUND,
        WitnessRefusal::NotSigned(_) => StatusCode::FORBIDDEN,
        WitnessRefusal::Conflict { size } => {
            let body = format!("{size}\n");
            return (StatusCode::CONFLICT, [plain("text/x.tlog.size")], body).into_response();
        }
        WitnessRefusal::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY,
        WitnessRefusal::NotKept(error) => {
            tracing::error!(%error, "a witness that cannot keep what it saw does not cosign it");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    (status, [plain("text/plain; charset=utf-8")], format!("{refusal}\n")).into_response()
}

const fn plain(content_type: &'static str) -> (HeaderName, &'static str) {
    (header::CONTENT_TYPE, content_type)
}
