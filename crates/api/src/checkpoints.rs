//! `/v1/checkpoints` and the newest of them: what was signed.

use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use quipu_domain::Timestamp;
use quipu_proofs::Published;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::answer::json;
use crate::parameters::{Limit, NoParameters, StrictQuery};
use crate::problem::{Code, Problem, checkpoints_not_signed};
use crate::proofs::text;
use crate::reading::blocking;
use crate::state::State;

/// Which checkpoints.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckpointsQuery {
    /// Go on after this number: the `next_after` of the page before.
    #[param(value_type = Option<u64>)]
    after: u64,
    /// At most so many, 1 to 1000; 100 where absent.
    #[param(inline)]
    limit: Limit,
}

/// A checkpoint that was published.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckpointView {
    /// 1, 2, 3 ... in the order of publication.
    number: u64,
    /// The epoch of its origin; another one begins when a restore lost what was signed.
    epoch: u64,
    /// Under which origin.
    origin: String,
    /// Over how many events.
    size: u64,
    /// The tree head over them, 64 hex digits, as `quipu verify` prints it.
    root: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    published_at: Timestamp,
    /// The checkpoint with its signatures (C2SP tlog-checkpoint).
    checkpoint: String,
}

/// Checkpoints in the order of their publication.
#[derive(Serialize, ToSchema)]
pub(crate) struct CheckpointPage {
    checkpoints: Vec<CheckpointView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<u64>,
}

impl From<Published> for CheckpointView {
    fn from(published: Published) -> CheckpointView {
        CheckpointView {
            number: published.number,
            epoch: published.epoch,
            origin: published.origin.to_string(),
            size: published.size,
            root: published.root.to_string(),
            published_at: published.published_at,
            checkpoint: published.note,
        }
    }
}

/// Lists every checkpoint that was published.
#[utoipa::path(
    get, path = "/v1/checkpoints", tag = "proofs",
    operation_id = "list_checkpoints", params(CheckpointsQuery),
    responses((status = 200, body = CheckpointPage, description = "A page of checkpoints."))
)]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    StrictQuery(query): StrictQuery<CheckpointsQuery>,
) -> Result<Response, Problem> {
    let most = query.limit.0;
    let mut found = blocking(move || state.proofs.checkpoints(query.after, most + 1)).await?;
    let more = found.len() > most;
    found.truncate(most);
    let next_after = found.last().filter(|_| more).map(|last| last.number);
    let checkpoints = found.into_iter().map(CheckpointView::from).collect();
    Ok(json(StatusCode::OK, &CheckpointPage { checkpoints, next_after }))
}

/// The newest checkpoint, as C2SP tlog-tiles serves it. Tiles are beside it, under
/// `/v1/log/tile/<L>/<N>[.p/<W>]` and `/v1/log/tile/entries/<N>[.p/<W>]`.
#[utoipa::path(
    get, path = "/v1/log/checkpoint", tag = "proofs",
    operation_id = "show_newest_checkpoint",
    responses((status = 200, body = String, content_type = "text/plain",
        description = "The signed note."))
)]
pub(crate) async fn newest(
    Shared(state): Shared<State>,
    StrictQuery(NoParameters {}): StrictQuery<NoParameters>,
) -> Result<Response, Problem> {
    let is_signing = state.is_signing;
    let newest = blocking(move || state.proofs.newest()).await?;
    let Some(newest) = newest else {
        if !is_signing {
            return Err(checkpoints_not_signed());
        }
        return Err(Problem::new(
            Code::CheckpointNotPublished,
            "no checkpoint has been published yet",
            "write something, and ask again in a second",
        )
        .retry_after_seconds(1));
    };
    let mut response = text(newest.note);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}
