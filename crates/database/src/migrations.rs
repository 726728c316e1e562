//! Bringing a schema up to date. Forward only: what was released is never edited.

use refinery::error::Kind;
use refinery::{Migration, Runner};

use crate::DatabaseError;

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

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
pub(crate) fn failed(error: refinery::Error) -> DatabaseError {
    match error.kind() {
        Kind::MissingVersion(unknown) => DatabaseError::Newer { migration: unknown.to_string() },
        _ => DatabaseError::Migration(error.to_string()),
    }
}
