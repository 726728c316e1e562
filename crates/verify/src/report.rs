//! What was checked, and what was found.

use serde::Serialize;

use crate::checkpoint::Checkpoint;
use crate::hash::Hash;

/// The verdict over an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether everything that was asked for holds.
    pub holds: bool,
    /// The first thing that does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// The last position up to which everything holds.
    pub position: u64,
    /// The root there.
    pub root: Hash,
    /// When the event there was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<String>,
    /// Commits up to there.
    pub commits: u64,
    /// Streams up to there.
    pub streams: u64,
    /// The checkpoints that the journal leads to, smallest first.
    pub held_to: Vec<HeldTo>,
}

impl Report {
    /// The last position that somebody signed for; what comes after it only fits together.
    #[must_use]
    pub fn vouched_to(&self) -> u64 {
        self.held_to.last().map_or(0, |held| held.checkpoint.size)
    }
}

/// A checkpoint that was found in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldTo {
    /// Where it was read from.
    pub name: String,
    /// What it says.
    #[serde(flatten)]
    pub checkpoint: Checkpoint,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The line of the export, from 1.
    pub line: u64,
    /// The first position concerned.
    pub position: u64,
    /// What is wrong, in a sentence.
    pub what: String,
}
