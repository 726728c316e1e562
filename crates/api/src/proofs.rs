//! Proofs: that an event is in a checkpoint, and that a checkpoint continues an older one.

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use quipu_domain::Position;
use quipu_proofs::{ProofError, Proofs};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::parameters::{PathIds, StrictQuery};
use crate::problem::{Problem, checkpoints_not_signed};
use crate::reading::blocking;
use crate::state::State;

/// Which checkpoint.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InclusionQuery {
    /// The size of a published checkpoint; the newest where absent.
    size: Option<u64>,
}

/// From which checkpoint to which.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConsistencyQuery {
    /// The size of the older tree: the second line of the older checkpoint.
    from: u64,
    /// The size of a published checkpoint; the newest where absent.
    to: Option<u64>,
}

/// Proves that an event is in the book: a C2SP `.tlog-proof`. What was hashed is the event's exact
/// text, as `/v1/events` gives it.
#[utoipa::path(
    get, path = "/v1/events/{position}/proof", tag = "proofs",
    operation_id = "prove_inclusion", params(InclusionQuery),
    responses((status = 200, body = String, content_type = "text/plain",
        description = "The proof, with the checkpoint that it leads to."))
)]
pub(crate) async fn inclusion(
    Shared(state): Shared<State>,
    PathIds(position): PathIds<Position>,
    StrictQuery(query): StrictQuery<InclusionQuery>,
) -> Result<Response, Problem> {
    let inclusion = move |proofs: &Proofs| proofs.inclusion(position, query.size);
    proved(state, inclusion).await
}

/// Proves that a checkpoint continues an older one: the body of `add-checkpoint` of C2SP
/// tlog-witness, `old <size>`, the hashes, an empty line and the newer checkpoint.
#[utoipa::path(
    get, path = "/v1/proofs/consistency", tag = "proofs",
    operation_id = "prove_consistency", params(ConsistencyQuery),
    responses((status = 200, body = String, content_type = "text/plain",
        description = "The proof, with the newer checkpoint."))
)]
pub(crate) async fn consistency(
    Shared(state): Shared<State>,
    StrictQuery(query): StrictQuery<ConsistencyQuery>,
) -> Result<Response, Problem> {
    proved(state, move |proofs| proofs.consistency(query.from, query.to)).await
}

async fn proved(
    state: State,
    proof: impl FnOnce(&Proofs) -> Result<String, ProofError> + Send + 'static,
) -> Result<Response, Problem> {
    let proof = move || match proof(&state.proofs) {
        Err(ProofError::NotPublished { .. }) if !state.is_signing => Err(checkpoints_not_signed()),
        proof => proof.map_err(Problem::from),
    };
    Ok(text(blocking(proof).await?))
}

/// An answer in a text format of C2SP.
pub(crate) fn text(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, plain);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
