//! A database that does not open or read.

use quipu_database::DatabaseError;

use super::CliError;

/// What to do about tables that an older program has made, and nobody who may only read can change.
pub(super) const BRING_UP_TO_DATE: &str =
    "nothing was written; start `quipu serve` once to bring it up to date";

impl From<DatabaseError> for CliError {
    fn from(error: DatabaseError) -> CliError {
        if let DatabaseError::Older { .. } = error {
            return CliError::Unusable {
                what: format!("the book is of an older version: {error}"),
                hint: BRING_UP_TO_DATE.into(),
            };
        }
        let what = error.to_string();
        if error.is_unavailable() {
            let hint =
                "check the disk, or that the database runs and its URL is right, and try again";
            return CliError::Unavailable { what, hint: hint.into() };
        }
        let hint = match error {
            DatabaseError::Full(_) => "free some space, and start again",
            DatabaseError::Misconfigured(_) => "nothing was written; change that, and start again",
            DatabaseError::Newer { .. } => {
                "nothing was written; use the version that made them, or a later one"
            }
            DatabaseError::Migration(_) => {
                "something else has changed the tables; restore a backup"
            }
            _ => "`quipu verify` tells whether the journal is whole",
        };
        CliError::Unusable { what, hint: hint.into() }
    }
}
