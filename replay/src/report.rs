//! What a verification found.

use quipu_domain::{Position, Timestamp};
use quipu_journal::{JournalError, Root};
use serde::Serialize;

/// What was verified, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether everything holds.
    pub holds: bool,
    /// The first thing that does not, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// The last position up to which every check passed.
    pub position: Position,
    /// The tree head there. Who keeps it can hold the book to it later.
    pub root: Root,
    /// When the last verified event was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
    /// Rows of the journal.
    pub rows: u64,
    /// Streams, whose aggregates were folded.
    pub streams: u64,
    /// Accounts of the trial balance.
    pub accounts: u64,
    /// The projections that the book has views of.
    pub projections: Vec<ProjectionReport>,
    /// Those whose views were not, or not wholly: nothing that holds is said of what was left out.
    pub not_compared: Vec<String>,
}

/// One projection's view, compared with its fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionReport {
    /// The projection.
    pub name: String,
    /// The position its view stands at.
    pub checkpoint: Position,
    /// Whether all of it was compared: not where something does not hold before the end of it, and
    /// no view of another version than this program's.
    pub compared: bool,
    /// Rows that equal the fold.
    pub rows: u64,
    /// Tenants whose partition is parked, and was left out.
    pub parked: Vec<String>,
    /// Events that somebody decided to leave out of it (`quipu projections skip`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Position>,
}

impl ProjectionReport {
    /// Whether every row of it was compared, with a fold of all events.
    pub(crate) const fn is_whole(&self) -> bool {
        self.compared && self.parked.is_empty() && self.skipped.is_empty()
    }
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The first position concerned.
    pub position: Position,
    /// What is wrong, in a sentence.
    pub what: String,
}

impl Report {
    /// The same with something else that does not hold, unless something is found already.
    #[must_use]
    pub fn and(mut self, finding: Option<Finding>) -> Report {
        self.finding = self.finding.or(finding);
        self.holds = self.finding.is_none();
        self
    }
}

impl Finding {
    /// A finding at a position.
    pub(crate) fn at(position: Position, what: impl Into<String>) -> Finding {
        Finding { position, what: what.into() }
    }
}

/// Why a verification could not be carried through. What is wrong with the book itself is a
/// [`Finding`].
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The journal cannot be reached.
    #[error("journal cannot be read: {0}")]
    Journal(#[source] JournalError),
    /// The views cannot be reached.
    #[error("views cannot be read: {0}")]
    Views(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The journal's events do not fold.
    #[error("the journal does not fold at position {position}: {what}")]
    Fold {
        /// Where, or soon after.
        position: Position,
        /// What is wrong.
        what: String,
    },
}
