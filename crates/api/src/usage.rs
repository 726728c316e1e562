//! `/v1/usage`: what was used, of any tenant and meter, one record or many (rules U1, U3, U5).

mod cloud_events;
mod corrections;
mod outcome;
mod record;

use axum::extract::{Request, State as Shared};
use axum::response::Response;
use quipu_engine::UsageBatch;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::call::{answered, bound, metadata};
use crate::edge::RequestId;
use crate::idempotency::{IdempotencyKey, canonical, digest};
use crate::parameters::StrictQuery;
use crate::problem::Problem;
use crate::state::State;
use crate::strict_json::{self, MediaType, read_body, require};

pub(crate) use corrections::{__path_rate, __path_void, rate, void};
use outcome::{Answer, Results};
use record::{OneOrMany, Record};

/// Records in one request at most.
pub(crate) const MOST_RECORDS: usize = 10_000;

/// How a batch is taken.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageQuery {
    /// All records or none: the first that is refused is answered as a problem, with its `index` in
    /// the array, from 0. Each by itself where absent.
    atomic: bool,
}

/// What came in: the records in order, and whether they came as an array.
struct Reported {
    records: Vec<Record>,
    is_array: bool,
}

/// Records usage: one object, or an array of at most 10,000. A record is known by its source and
/// id; sent again it has no effect and gets the same answer. Where a record has no id, the
/// `Idempotency-Key` and its place in the array are its id. A key that is given is bound to the
/// whole array: send the same array again on a retry, and what was refused and mended by itself,
/// under a new key or without one. CloudEvents 1.0 are taken as well, by their content type:
/// structured, batched, or binary with `ce-` headers.
#[utoipa::path(
    post, path = "/v1/usage", tag = "usage",
    operation_id = "record_usage", params(UsageQuery),
    request_body(content(
        (OneOrMany = "application/json"),
        (cloud_events::CloudEvent = "application/cloudevents+json"),
        (Vec<cloud_events::CloudEvent> = "application/cloudevents-batch+json"),
    )),
    responses(
        (status = 200, body = Answer, description = "All are recorded. A single object is answered with its result alone."),
        (status = 207, body = Results, description = "Some were refused: see each result."),
    )
)]
pub(crate) async fn record(
    Shared(state): Shared<State>,
    request_id: RequestId,
    key: Option<IdempotencyKey>,
    StrictQuery(query): StrictQuery<UsageQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let reported = read(request, &state).await?;
    let records = record::complete(&reported.records, key.as_ref())?;
    let keyed = |index: usize| reported.records[index].has_no_id();
    let by = metadata(request_id);
    let metadata = match key {
        // A place in the array names a record of this array only, and who makes new ids on a retry
        // is told by the key.
        Some(key) => bound(by, key, digest(&canonical("usage.record", &(), &reported.records))),
        None => by,
    };
    let batch = UsageBatch { records, atomic: query.atomic, metadata };
    let outcomes = answered(&state.limits, state.engine.record_usage(batch)).await?;
    if reported.is_array {
        outcome::answer_batch(&outcomes, query.atomic, keyed)
    } else {
        outcome::answer_single(&outcomes, keyed)
    }
}

/// Reads the body by what its headers say it is.
async fn read(request: Request, state: &State) -> Result<Reported, Problem> {
    let (parts, body) = request.into_parts();
    let is_binary = cloud_events::is_binary(&parts.headers);
    let allowed = [MediaType::Json, MediaType::CloudEvent, MediaType::CloudEventBatch];
    let limits = &state.limits;
    let bytes = read_body(&parts.headers, body, limits.batch_body_bytes, limits).await?;
    let media_type = require(&parts.headers, if is_binary { &allowed[..1] } else { &allowed })?;
    let (records, is_array) = match media_type {
        MediaType::Json if is_binary => {
            (vec![cloud_events::from_binary(&parts.headers, &bytes)?], false)
        }
        MediaType::Json => match strict_json::decode(&bytes)? {
            OneOrMany::One(record) => (vec![*record], false),
            OneOrMany::Many(records) => (records, true),
        },
        MediaType::CloudEvent => (vec![cloud_events::from_structured(&bytes)?], false),
        MediaType::CloudEventBatch => (cloud_events::from_batch(&bytes)?, true),
    };
    Ok(Reported { records, is_array })
}
