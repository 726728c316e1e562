//! What the engine could not do, as a problem.

use quipu_domain::Position;
use quipu_engine::EngineError;

use super::{Code, Problem};

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Problem {
        match error {
            EngineError::Refused(refusal) => refusal.into(),
            EngineError::KeyReused { position } => Problem::new(
                Code::IdempotencyKeyReused,
                format!(
                    "this key was used at position {position} for another request, or for this one \
                     with a text that was erased since"
                ),
                "use a new key for a new request, with nothing in it that is recorded already, and the same body for the same key; after an erasure see first what the event at that position did",
            )
            .with("position", position),
            EngineError::KeyInFlight => Problem::new(
                Code::IdempotencyKeyInFlight,
                "a request with this key has not been answered yet",
                "wait for its answer, or ask again with the same key",
            )
            .retry_after_seconds(1),
            EngineError::Overloaded => Problem::new(
                Code::Overloaded,
                "the queue is full; nothing happened",
                "send it again after the time that Retry-After says",
            )
            .retry_after_seconds(1),
            EngineError::Unavailable { why } => {
                tracing::warn!(%why, "command not answered: the journal is unavailable");
                Problem::new(
                    Code::JournalUnavailable,
                    "the journal cannot be written to now",
                    "send it again with the same Idempotency-Key; it takes effect once at most",
                )
                .retry_after_seconds(2)
            }
            EngineError::EventTooLarge { most_bytes } => Problem::new(
                Code::EventTooLarge,
                format!("the event would be larger than {most_bytes} bytes"),
                "send fewer or shorter texts; what draws on very many lots, or returns to them, fits in parts",
            )
            .with("most_bytes", most_bytes),
            EngineError::Newer { why } => journal_newer(why),
            EngineError::Stopped => Problem::new(
                Code::ShuttingDown,
                "the server takes no more commands",
                "send it again with the same Idempotency-Key when the server is back",
            )
            .retry_after_seconds(2),
            error @ (EngineError::VersionConflict { .. } | EngineError::Inconsistent(_)) => {
                Problem::internal(&error)
            }
        }
    }
}

/// An event that only a newer program can read. Trying again is of no use.
pub(super) fn journal_newer(why: String) -> Problem {
    tracing::error!(why, "the journal is newer than this program");
    Problem::new(
        Code::JournalNewer,
        why,
        "have the operator start the version that wrote it, or a later one",
    )
}

/// The command was not answered in time. It may take effect yet.
pub(crate) fn outcome_unknown() -> Problem {
    Problem::new(
        Code::OutcomeUnknown,
        "the command was taken and has not been answered in time; it may take effect yet",
        "send it again with the same Idempotency-Key to learn the outcome; it takes effect once at most",
    )
    .retry_after_seconds(1)
}

/// U1: same source and id, other content.
pub(crate) fn usage_id_reused(position: Position) -> Problem {
    Problem::new(
        Code::UsageIdReused,
        format!("the record with this source and id at position {position} has other content"),
        "give a new record a new id; correct a wrong one by voiding it",
    )
    .with("position", position)
}

/// U1: same source and id, other content, twice in a batch of which nothing was recorded.
pub(crate) fn usage_id_repeated() -> Problem {
    Problem::new(
        Code::UsageIdReused,
        "another record of this batch has this source and id with other content",
        "give each record of the batch an id of its own; nothing of it was recorded",
    )
}
