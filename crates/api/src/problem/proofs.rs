//! What could not be proved, as a problem.

use quipu_proofs::ProofError;

use super::{Code, Problem};

/// What was asked for is not there, and will not come: no key signs.
pub(crate) fn checkpoints_not_signed() -> Problem {
    Problem::new(
        Code::CheckpointsNotSigned,
        "no such checkpoint was published, and this server signs none",
        "start it with a folder for keys, outside the database's backup: quipu serve --keys DIR",
    )
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Problem {
        let detail = error.to_string();
        match error {
            ProofError::Journal(error) => error.into(),
            ProofError::Database(error) => {
                tracing::warn!(%error, "proofs not read");
                Problem::new(
                    Code::ProofsUnavailable,
                    "checkpoints and tiles cannot be read now",
                    "ask again after the time that Retry-After says",
                )
                .retry_after_seconds(2)
            }
            ProofError::BeyondEnd { wanted, end } => Problem::new(
                Code::NotFound,
                detail,
                "positions begin with 1, and end with the journal's last",
            )
            .with("wanted", wanted)
            .with("end", end),
            ProofError::NotPublished { wanted, newest } => {
                let problem = |hint| {
                    Problem::new(Code::CheckpointNotPublished, detail, hint)
                        .with("wanted", wanted)
                        .with("newest", newest)
                };
                // Checkpoints only grow: what was passed over is never signed.
                if wanted < newest {
                    return problem("name a size that /v1/checkpoints lists, or none");
                }
                problem("ask again in a second, or name a size that /v1/checkpoints lists")
                    .retry_after_seconds(1)
            }
            ProofError::TooSmall { wanted, .. } => {
                let hint = format!("name a size of at least {wanted}, or none for the newest");
                Problem::new(Code::InvalidQuery, detail, hint).with("parameter", "size")
            }
            ProofError::Unreachable { .. } => Problem::new(
                Code::CheckpointUnreachable,
                detail,
                "a restore lost events; the event EpochStarted says which",
            ),
            ProofError::Stored { .. }
            | ProofError::File { .. }
            | ProofError::Denied { .. }
            | ProofError::AnotherBook { .. }
            | ProofError::InUse { .. }
            | ProofError::NoKey { .. } => Problem::internal(&detail),
        }
    }
}
