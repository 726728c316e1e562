//! A book that cannot be replayed.

use quipu_database::DatabaseError;
use quipu_replay::ReplayError;
use quipu_views::ViewsError;

use super::CliError;

impl From<ReplayError> for CliError {
    fn from(error: ReplayError) -> CliError {
        match error {
            ReplayError::Journal(error) => error.into(),
            ReplayError::Views(error) => match error.downcast().map(|error| *error) {
                Ok(ViewsError::Database(DatabaseError::Unavailable(why))) => {
                    CliError::Unavailable {
                        what: format!("cannot read the views: {why}"),
                        hint: "try again, or leave them out: `quipu verify --journal-only`".into(),
                    }
                }
                Ok(error) => error.into(),
                Err(error) => CliError::Unusable {
                    what: format!("cannot read the views: {error}"),
                    hint: "leave them out: `quipu verify --journal-only`".into(),
                },
            },
            ReplayError::Fold { .. } => CliError::Unusable {
                what: error.to_string(),
                hint: "`quipu verify` says more".into(),
            },
        }
    }
}
