//! What many commands are answered with.

use axum::http::StatusCode;
use axum::response::Response;
use quipu_engine::{EngineError, Receipt};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{CommandAnswer, json};
use crate::problem::{Problem, ProblemDocument};

/// What became of each command, in order.
#[derive(Serialize, ToSchema)]
#[schema(as = CommandResults)]
pub(super) struct Results {
    results: Vec<Outcome>,
}

/// What became of one command.
#[derive(Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
#[schema(as = CommandResult)]
pub(super) enum Outcome {
    /// It is done.
    Accepted {
        /// Whether an earlier command with the same key did it; absent where not.
        #[serde(skip_serializing_if = "is_false")]
        #[schema(required = false)]
        replayed: bool,
        /// What it is answered with alone, byte for byte.
        answer: Box<CommandAnswer>,
    },
    /// It is not: no event. Its key is free, unless the problem is about the key: then that was used for
    /// something else (`idempotency_key_reused`), or is being used (`idempotency_key_in_flight`).
    Refused {
        /// Why.
        problem: Box<ProblemDocument>,
    },
}

/// The answer. `events` names the event that each command is answered with.
pub(super) fn answer(
    outcomes: Vec<Result<Receipt, EngineError>>,
    events: &[&str],
) -> Result<Response, Problem> {
    let all_accepted = outcomes.iter().all(Result::is_ok);
    let status = if all_accepted { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    let outcomes = outcomes.into_iter().zip(events);
    let results =
        outcomes.map(|(outcome, event)| wire(outcome, event)).collect::<Result<_, _>>()?;
    Ok(json(status, &Results { results }))
}

fn wire(outcome: Result<Receipt, EngineError>, event: &str) -> Result<Outcome, Problem> {
    match outcome {
        Ok(receipt) => Ok(Outcome::Accepted {
            replayed: receipt.replayed,
            answer: Box::new(CommandAnswer::of(&receipt, event)?),
        }),
        Err(error) => {
            let problem = Problem::from(error).document(None);
            Ok(Outcome::Refused { problem: Box::new(problem) })
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
const fn is_false(value: &bool) -> bool {
    !*value
}
