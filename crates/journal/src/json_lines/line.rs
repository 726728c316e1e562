//! The lines that are not events.

use quipu_domain::{Position, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{BatchRow, Head, Root};

/// The format that this program writes, and the only one it reads.
pub(super) const FORMAT: u64 = 1;

/// The first line: which format, and where the export ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) quipu_journal: u64,
    pub(super) position: Position,
    pub(super) root: Root,
}

/// A line after events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    /// They make up a stored row.
    Commit(Commit),
    /// There are no more.
    End(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Commit {
    pub(super) first_position: Position,
    pub(super) last_position: Position,
    pub(super) recorded_at: Timestamp,
    pub(super) prev_root: Root,
    pub(super) root: Root,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    pub(super) position: Position,
    pub(super) root: Root,
}

impl Header {
    pub(super) const fn of(head: Head) -> Header {
        Header { quipu_journal: FORMAT, position: head.position, root: head.root }
    }

    pub(super) const fn end(self) -> Mark {
        Mark::End(End { position: self.position, root: self.root })
    }
}

impl Mark {
    pub(super) const fn of(row: &BatchRow) -> Mark {
        Mark::Commit(Commit {
            first_position: row.first_position,
            last_position: row.last_position,
            recorded_at: row.recorded_at,
            prev_root: row.prev_root,
            root: row.root,
        })
    }

    /// Whether a line is one of these; events begin with their position.
    pub(super) fn is_one(line: &str) -> bool {
        line.starts_with("{\"commit\":") || line.starts_with("{\"end\":")
    }
}

/// A line without its line feed.
pub(super) fn written(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("numbers and texts under text keys are JSON")
}

/// Reads a line that is written in the one way there is.
pub(super) fn read<T: Serialize + DeserializeOwned>(text: &str) -> Result<T, String> {
    let line: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match written(&line) {
        again if again == text => Ok(line),
        again => Err(format!("it must be written as {again}")),
    }
}
