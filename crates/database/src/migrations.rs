//! Bringing a schema up to date. Forward only: what was released is never edited.

use refinery::error::Kind;
use refinery::{Migration, Runner};

use crate::{DatabaseError, Row};

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
        _ => DatabaseError::Migration(error.to_string()),
    }
}
