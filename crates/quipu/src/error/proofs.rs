//! Proofs that could not be made or kept.

use quipu_proofs::ProofError;

use super::CliError;

impl From<ProofError> for CliError {
    fn from(error: ProofError) -> CliError {
        let what = error.to_string();
        let hint = match error {
            ProofError::Journal(error) => return error.into(),
            ProofError::Database(error) => return error.into(),
            ProofError::BeyondEnd { .. } => {
                "positions begin with 1 and end with the journal's last"
            }
            ProofError::NotPublished { .. } => {
                "a running server publishes every second, on PostgreSQL once it is given --keys DIR; \
                 `quipu checkpoint` shows the newest"
            }
            ProofError::TooSmall { .. } => "name a larger size, or none for the newest checkpoint",
            ProofError::Unreachable { .. } => "a restore lost events; see the event EpochStarted",
            ProofError::Stored { .. } => {
                "restore proofs.db, or the schema quipu_proofs, from a backup; where there is none, move \
                 it away: what was signed last is in the folder of keys, too"
            }
            ProofError::File { .. } | ProofError::Denied { .. } => {
                "the folder of keys must be there, and yours alone"
            }
            ProofError::AnotherBook { .. } => {
                "each book has keys of its own: name its folder with --keys, or a new one where it has \
                 none yet"
            }
            ProofError::InUse { .. } => {
                "try again; a witness has its folder to itself until it ends"
            }
            ProofError::NoKey { .. } => "the server goes on signing once there is one",
        };
        match error {
            ProofError::BeyondEnd { .. }
            | ProofError::NotPublished { .. }
            | ProofError::TooSmall { .. } => CliError::Refused { what, hint: hint.into() },
            ProofError::Unreachable { .. } => CliError::NotVerified { what },
            _ => CliError::Unusable { what, hint: hint.into() },
        }
    }
}
