//! Views that do not open or read.

use quipu_database::DatabaseError;
use quipu_views::ViewsError;

use super::CliError;
use super::database::BRING_UP_TO_DATE;

impl From<ViewsError> for CliError {
    fn from(error: ViewsError) -> CliError {
        match error {
            ViewsError::Database(DatabaseError::Missing) => CliError::Unusable {
                what: "the book has no views".into(),
                hint: "start `quipu serve` once, which makes them".into(),
            },
            ViewsError::Database(DatabaseError::Older { .. }) => CliError::Unusable {
                what: "the views are of an older version".into(),
                hint: BRING_UP_TO_DATE.into(),
            },
            ViewsError::Database(
                error @ (DatabaseError::Migration(_) | DatabaseError::Newer { .. }),
            ) => CliError::Unusable {
                what: format!("the views are of another version: {error}"),
                hint: "they can be made anew: delete views.db, or the schema quipu_views".into(),
            },
            ViewsError::Database(
                error @ (DatabaseError::Corrupt(_) | DatabaseError::Column { .. }),
            ) => CliError::Unusable {
                what: format!("the views are damaged: {error}"),
                hint: "`quipu projections rebuild` makes them anew from the journal; where it cannot, \
                       delete views.db while no server runs, or the schema quipu_views"
                    .into(),
            },
            ViewsError::Database(error) => error.into(),
            ViewsError::ReplayFile { .. } => CliError::Unusable {
                what: error.to_string(),
                hint: "name another file, or move this one away".into(),
            },
            ViewsError::Parked { .. } => CliError::Unusable {
                what: error.to_string(),
                hint: "`quipu projections list` names everything that has stopped, and why".into(),
            },
            ViewsError::UnknownProjection(_) => CliError::Malformed {
                what: error.to_string(),
                hint: "`quipu projections list` names them".into(),
            },
            ViewsError::Cancelled => CliError::Unavailable {
                what: error.to_string(),
                hint: "`quipu projections list` shows what is being built now".into(),
            },
            ViewsError::Feed(_) => CliError::Unusable {
                what: error.to_string(),
                hint: "try again; where it stays so, `quipu verify` names the first bad position"
                    .into(),
            },
            error => CliError::Unusable {
                what: error.to_string(),
                hint: "`quipu projections rebuild` makes them anew from the journal".into(),
            },
        }
    }
}
