//! Why a projection cannot apply an event: the event is poison for its tenant's partition.

/// An event does not fit the rows that the events before it made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionError {
    /// The event is about a row that no event before it made.
    #[error("there is no row {key} in {table}")]
    MissingRow {
        /// The table.
        table: &'static str,
        /// The key, for people.
        key: String,
    },
    /// A row that `apply` needs is not in memory. [`apply_page`](crate::apply_page) then prepares
    /// again, because which rows an event needs may depend on rows.
    #[error("row {key} of {table} was not prepared")]
    UnpreparedRow {
        /// The table.
        table: &'static str,
        /// The key, for people.
        key: String,
    },
    /// The same for an earlier event, which this one is about.
    #[error("event {position} was not prepared")]
    UnpreparedEvent {
        /// Where it stands.
        position: quipu_domain::Position,
    },
    /// The event corrects a usage record, and that is none of this tenant's.
    #[error("event {position}, which this one corrects, is not a usage record of this tenant")]
    NotUsage {
        /// Where it should be.
        position: quipu_domain::Position,
    },
    /// A sum passes what an amount can hold (M3).
    #[error("{what} would pass the largest amount")]
    Overflow {
        /// What was added up.
        what: &'static str,
    },
    /// More is taken than there is.
    #[error("{what} of {key} would fall below zero")]
    BelowZero {
        /// What was taken from.
        what: &'static str,
        /// The row, for people.
        key: String,
    },
    /// A stored row is not one that this program writes.
    #[error("a row of {table} is malformed")]
    MalformedRow {
        /// The table.
        table: &'static str,
    },
    /// Anything else that cannot be.
    #[error("{0}")]
    Inconsistent(String),
}

impl ProjectionError {
    /// Whether the event may well be applied once more rows are in memory.
    #[must_use]
    pub const fn is_unprepared(&self) -> bool {
        matches!(
            self,
            ProjectionError::UnpreparedRow { .. } | ProjectionError::UnpreparedEvent { .. }
        )
    }
}
