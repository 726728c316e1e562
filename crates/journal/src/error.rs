//! What can go wrong with a journal.

use quipu_database::DatabaseError;
use quipu_domain::Position;

/// Why the journal could not be read, opened or maintained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Another writer is at work on this journal.
    #[error("journal is being written by {holder}; stop it first, or wait for it to end")]
    LeaseHeld {
        /// Who, as far as can be told.
        holder: String,
    },
    /// The database under the journal failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// An event is larger than the journal takes. Nothing was written.
    #[error("event {position} has {bytes} bytes; at most {most} fit into the journal")]
    EventTooLarge {
        /// Where it would have stood.
        position: Position,
        /// Its size as text.
        bytes: usize,
        /// The largest size allowed.
        most: usize,
    },
    /// An event does not follow the journal's head. Nothing was written.
    #[error("event {position} does not follow the head of the journal: {why}")]
    OutOfOrder {
        /// The position it claims.
        position: Position,
        /// What does not fit.
        why: String,
    },
    /// What is stored is not what was written.
    #[error("journal is corrupt at position {position}: {why}")]
    Corrupt {
        /// The first position concerned.
        position: Position,
        /// What does not hold.
        why: String,
    },
    /// A stored event cannot be read by this program.
    #[error("event {position} cannot be read: {why}")]
    Unreadable {
        /// Its position.
        position: Position,
        /// Why.
        why: String,
    },
    /// A newer program wrote the event.
    #[error("event {position} cannot be read: {why}")]
    Newer {
        /// Its position.
        position: Position,
        /// What it is, and what to do.
        why: String,
    },
    /// An append failed earlier, and the writer has not been recovered since.
    #[error("writer must be recovered before it appends again")]
    NotRecovered,
}

impl JournalError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, JournalError::Database(DatabaseError::Unavailable(_)))
    }

    /// Whether rights, settings or space stand between the reader and the journal.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        matches!(
            self,
            JournalError::Database(
                DatabaseError::Misconfigured(_)
                    | DatabaseError::Full(_)
                    | DatabaseError::Refused(_)
            )
        )
    }

    /// Whether what is stored is not what was written.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(
            self,
            JournalError::Corrupt { .. }
                | JournalError::Database(DatabaseError::Corrupt(_) | DatabaseError::Column { .. })
        )
    }
}

/// Why an append was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Somebody else wrote: the database itself refused a fork. Nothing was written.
    #[error("journal has moved on: another writer appended to it")]
    NotHead,
    /// The events may be in the journal or not; [`Writer::recover`](crate::Writer::recover)
    /// finds out.
    #[error("outcome of the append is unknown: {0}")]
    Unknown(JournalError),
    /// The events are certainly not in the journal.
    #[error("nothing was appended: {0}")]
    Failed(JournalError),
}

impl AppendError {
    /// Whether these events are not taken at any time, by this journal or by any (J4): who tries
    /// again holds up everybody else.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            AppendError::Failed(
                JournalError::EventTooLarge { .. }
                    | JournalError::Database(DatabaseError::Values { .. })
            )
        )
    }
}
