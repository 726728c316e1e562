//! What usage is answered with.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::Rating;
use quipu_domain::{Credits, EntryId, Event, Position, Recorded};
use quipu_engine::UsageOutcome;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::json;
use crate::problem::{
    Code, Problem, ProblemDocument, from_refusal, usage_id_repeated, usage_id_reused,
};

/// How many of the records were known already.
const DUPLICATES: HeaderName = HeaderName::from_static("quipu-duplicates");

/// What one record is answered with, or an array of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = UsageAnswer)]
pub(crate) enum Answer {
    One(Outcome),
    Many(Results),
}

/// What became of each record, in order.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageResults, example = json!({"results": [
    {"status": "recorded", "entry": "entry_9", "position": 9, "amount": "0.001375", "price": "table models from 2026-01-01T00:00:00Z"}
]}))]
pub(crate) struct Results {
    results: Vec<Outcome>,
}

/// What became of one record.
#[derive(Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
#[schema(as = UsageResult)]
pub(crate) enum Outcome {
    /// It stands in the journal.
    Recorded {
        /// Its line of the statement.
        #[schema(value_type = String)]
        entry: EntryId,
        /// Where it stands.
        #[schema(value_type = u64)]
        position: Position,
        /// What it cost; absent where it has no price yet.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>)]
        amount: Option<Credits>,
        /// By which price.
        #[serde(skip_serializing_if = "Option::is_none")]
        price: Option<String>,
        /// Why it has no price yet.
        #[serde(skip_serializing_if = "Option::is_none")]
        unpriced: Option<String>,
    },
    /// A rule refused it.
    Refused {
        /// Why.
        problem: Box<ProblemDocument>,
    },
}

/// The answer to an array. `is_keyed` tells whether a record's id follows from the idempotency key.
pub(super) fn answer_batch(
    outcomes: &[UsageOutcome],
    is_atomic: bool,
    is_keyed: impl Fn(usize) -> bool,
) -> Result<Response, Problem> {
    let refusal = |(index, outcome): (usize, &UsageOutcome)| {
        refused(outcome, is_keyed(index)).map(|problem| problem.with("index", index))
    };
    let refused_first = outcomes.iter().enumerate().find_map(refusal);
    let status = match refused_first {
        Some(problem) if is_atomic => return Err(problem),
        Some(_) => StatusCode::MULTI_STATUS,
        None => StatusCode::OK,
    };
    let results: Result<Vec<Outcome>, Problem> = outcomes
        .iter()
        .enumerate()
        .map(|(index, outcome)| wire(outcome, is_keyed(index)))
        .collect();
    Ok(with_duplicates(json(status, &Answer::Many(Results { results: results? })), outcomes))
}

/// The answer to one object.
pub(super) fn answer_single(
    outcomes: &[UsageOutcome],
    is_keyed: impl Fn(usize) -> bool,
) -> Result<Response, Problem> {
    let [outcome] = outcomes else {
        return Err(Problem::internal(&"one record had several outcomes"));
    };
    match refused(outcome, is_keyed(0)) {
        Some(problem) => Err(problem),
        None => {
            let response = json(StatusCode::OK, &Answer::One(wire(outcome, is_keyed(0))?));
            Ok(with_duplicates(response, outcomes))
        }
    }
}

fn with_duplicates(mut response: Response, outcomes: &[UsageOutcome]) -> Response {
    let is_duplicate =
        |outcome: &&UsageOutcome| matches!(outcome, UsageOutcome::Recorded { duplicate: true, .. });
    let duplicates = outcomes.iter().filter(is_duplicate).count();
    response.headers_mut().insert(DUPLICATES, HeaderValue::from(duplicates));
    response
}

fn refused(outcome: &UsageOutcome, is_keyed: bool) -> Option<Problem> {
    match outcome {
        UsageOutcome::Refused(refusal) => Some(from_refusal(refusal)),
        UsageOutcome::IdReused { position: None } => Some(usage_id_repeated()),
        UsageOutcome::IdReused { position: Some(position) } if is_keyed => Some(
            Problem::new(
                Code::IdempotencyKeyReused,
                format!("this key was used at position {position} for another record"),
                "use a new key for new records, and the same body for the same key",
            )
            .with("position", position),
        ),
        UsageOutcome::IdReused { position: Some(position) } => Some(usage_id_reused(*position)),
        UsageOutcome::Recorded { .. } | UsageOutcome::NotAttempted => None,
    }
}

fn wire(outcome: &UsageOutcome, is_keyed: bool) -> Result<Outcome, Problem> {
    match outcome {
        UsageOutcome::Recorded { event, .. } => recorded(event),
        UsageOutcome::NotAttempted => {
            Err(Problem::internal(&"a record was not attempted where none was refused"))
        }
        UsageOutcome::Refused(_) | UsageOutcome::IdReused { .. } => {
            let problem = refused(outcome, is_keyed)
                .ok_or_else(|| Problem::internal(&"a refused record without a refusal"))?;
            Ok(Outcome::Refused { problem: Box::new(problem.document(None)) })
        }
    }
}

fn recorded(recorded: &Recorded) -> Result<Outcome, Problem> {
    let Event::Wallet(WalletEvent::UsageRecorded(event)) = &recorded.event else {
        return Err(Problem::internal(&"a usage record's event is of another type"));
    };
    let (amount, price, unpriced) = match &event.rating {
        Rating::Rated { amount, price } => (Some(*amount), Some(price.to_string()), None),
        Rating::Unpriced { why } => (None, None, Some(why.to_string())),
    };
    Ok(Outcome::Recorded {
        entry: event.entry,
        position: recorded.position,
        amount,
        price,
        unpriced,
    })
}
