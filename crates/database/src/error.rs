//! What can go wrong with a database, in terms of what the caller can do about it.

/// Why a database did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// The connection is lost, refused or shutting down. Nothing took effect; retry later.
    #[error("database is unavailable: {0}")]
    Unavailable(String),
    /// The connection was lost around COMMIT: the transaction may have taken effect or not.
    #[error("outcome of the commit is unknown: {0}")]
    CommitUnknown(String),
    /// A row with this key is there already.
    #[error("unique constraint {constraint} refuses the row")]
    UniqueViolation {
        /// The constraint's name (PostgreSQL) or its columns (SQLite).
        constraint: String,
    },
    /// A row refers to one that is not there.
    #[error("foreign key {constraint} refuses the row")]
    ForeignKeyViolation {
        /// The constraint's name (PostgreSQL) or its table, where known (SQLite).
        constraint: String,
    },
    /// A trigger refused the change, and said why.
    #[error("{0}")]
    Refused(String),
    /// The disk, or the space given to the database, is full. Nothing took effect.
    #[error("no space left for the database: {0}")]
    Full(String),
    /// What is stored is not what was written.
    #[error("database is corrupt: {0}")]
    Corrupt(String),
    /// The database cannot be used as it is set up; the text says what to change.
    #[error("{0}")]
    Misconfigured(String),
    /// A newer program has brought the schema further than this one knows.
    #[error("its tables were made by a newer quipu: {migration} is not known here")]
    Newer {
        /// The first migration that is not known.
        migration: String,
    },
    /// An older program has made the tables, and none has brought them up to date since.
    #[error("its tables were made by an older quipu: {migration} was not applied to them")]
    Older {
        /// The first migration that is missing.
        migration: String,
    },
    /// There is none of the tables that were to be read.
    #[error("there are no tables of quipu's")]
    Missing,
    /// The schema could not be brought up to date.
    #[error("migration failed: {0}")]
    Migration(String),
    /// A statement failed for a reason that is a mistake in this program.
    #[error("statement failed: {why} (in: {sql})")]
    Statement {
        /// The statement.
        sql: String,
        /// What the database said.
        why: String,
    },
    /// The database takes none of these values there, at any time. Nothing took effect.
    #[error("the database refuses what it was given: {why} (in: {sql})")]
    Values {
        /// The statement.
        sql: String,
        /// What the database said.
        why: String,
    },
    /// A column does not hold what the caller expects.
    #[error("column {index} does not hold {wanted}")]
    Column {
        /// Which column, from 0.
        index: usize,
        /// What it should hold.
        wanted: &'static str,
    },
}

impl DatabaseError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, DatabaseError::Unavailable(_))
    }
}
