//! A journal that does not open or read.

use quipu_journal::JournalError;

use super::CliError;

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> CliError {
        match error {
            JournalError::Database(error) => error.into(),
            JournalError::Newer { .. } => CliError::Unusable {
                what: error.to_string(),
                hint: "nothing was written; `quipu --version` says which one this is".into(),
            },
            JournalError::LeaseHeld { .. } => CliError::Unavailable {
                what: error.to_string(),
                hint: "stop it first; nothing was changed".into(),
            },
            error => CliError::Unusable {
                what: error.to_string(),
                hint: "`quipu verify` names the first bad position; restore a backup made before"
                    .into(),
            },
        }
    }
}
