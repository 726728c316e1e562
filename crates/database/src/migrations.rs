//! Bringing a schema up to date. Forward only: what was released is never edited.

use std::error::Error;

use refinery::error::Kind;
use refinery::{Migration, Runner};

use crate::{DatabaseError, Row, postgres, sqlite};

/// Numbered SQL scripts, `("0001_journal", "CREATE TABLE ...")`, for either engine.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// For SQLite.
    pub sqlite: &'static [(&'static str, &'static str)],
    /// For PostgreSQL.
    pub postgres: &'static [(&'static str, &'static str)],
}

pub(crate) fn runner(scripts: &[(&str, &str)]) -> Result<Runner, DatabaseError> {
    let migrations: Result<Vec<Migration>, DatabaseError> = scripts
        .iter()
        .map(|(name, sql)| {
            let (number, title) = name.split_once('_').unwrap_or((name, ""));
            Migration::unapplied(&format!("V{number}__{title}"), sql).map_err(failed)
        })
        .collect();
    // All in one transaction: by itself each script would be, and the note of it another, and who
    // is killed between the two could never open the database again.
    Ok(Runner::new(&migrations?).set_grouped(true))
}

/// What was applied to a schema.
pub(crate) const APPLIED: &str =
    "SELECT version, name, checksum FROM refinery_schema_history ORDER BY version";

/// Refuses a schema that is not the one of these scripts, as they would, without applying any.
pub(crate) fn check(scripts: &[(&str, &str)], applied: &[Row]) -> Result<(), DatabaseError> {
    // Who makes the tables makes this one first.
    if applied.is_empty() {
        return Err(DatabaseError::Missing);
    }
    let runner = runner(scripts)?;
    let known = runner.get_migrations();
    for row in applied {
        let (version, title) = (row.int(0)?, row.text(1)?);
        let own = known.iter().find(|own| i64::from(own.version()) == version);
        let migration = format!("V{version}__{title}");
        let own = own.ok_or_else(|| DatabaseError::Newer { migration: migration.clone() })?;
        if own.name() != title || row.text(2)? != own.checksum().to_string() {
            return Err(DatabaseError::Migration(format!("{migration} is not the one known here")));
        }
    }
    let is_missing =
        |own: &&Migration| !applied.iter().any(|row| row.int(0) == Ok(i64::from(own.version())));
    match known.iter().find(is_missing) {
        Some(own) => Err(DatabaseError::Older { migration: own.to_string() }),
        None => Ok(()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
pub(crate) fn failed(error: refinery::Error) -> DatabaseError {
    match error.kind() {
        Kind::MissingVersion(unknown) => DatabaseError::Newer { migration: unknown.to_string() },
        // What the script or the tables are at fault for, and what the disk or the connection is.
        Kind::Connection(_, cause) => match of_the_engine(cause.as_ref()) {
            Some(
                known @ (DatabaseError::Unavailable(_)
                | DatabaseError::Full(_)
                | DatabaseError::Corrupt(_)
                | DatabaseError::Misconfigured(_)),
            ) => known,
            Some(DatabaseError::Statement { why, .. } | DatabaseError::Values { why, .. }) => {
                DatabaseError::Migration(why)
            }
            _ => DatabaseError::Migration(error.to_string()),
        },
        _ => DatabaseError::Migration(error.to_string()),
    }
}

fn of_the_engine(cause: &(dyn Error + 'static)) -> Option<DatabaseError> {
    const DOING: &str = "bring the tables up to date";
    let sqlite = cause.downcast_ref().map(|error| sqlite::from_sqlite(error, DOING));
    sqlite.or_else(|| cause.downcast_ref().map(|error| postgres::from_postgres(error, DOING)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_full_is_not_taken_for_tables_that_somebody_has_changed() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "max_page_count", 2).unwrap();
        let scripts = [("0001_item", "CREATE TABLE item (id BIGINT PRIMARY KEY)")];
        let refused = runner(&scripts).unwrap().run(&mut connection).map_err(failed).unwrap_err();
        assert!(matches!(refused, DatabaseError::Full(_)), "{refused:?}");
    }
}
