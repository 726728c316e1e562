//! Saved snapshots of states: what commands are decided on must be what the journal gives.

use std::collections::{HashMap, VecDeque};

use quipu_domain::{Position, Recorded, Stream, Version};
use quipu_journal::{JournalError, Root, Store, leaf_hash};

use super::aggregates::{SCHEMAS, State};
use crate::report::Finding;

/// What was saved when the verification began, of the present schemas: others are not read. A hash
/// of each, so that memory grows with their number and not with their sizes.
#[derive(Default)]
pub(super) struct Snapshots(HashMap<Stream, VecDeque<SavedSnapshot>>);

/// What is kept of a snapshot.
#[derive(Clone, Copy)]
pub(super) struct SavedSnapshot {
    pub(super) version: Version,
    pub(super) position: Position,
    pub(super) schema: &'static str,
    hash: Root,
}

/// A snapshot that is written otherwise than its state would be: forged, or from another version of
/// this program, or of a stream that a server has begun to save anew meanwhile.
pub(super) struct Suspect {
    pub(super) stream: Stream,
    pub(super) saved: SavedSnapshot,
}

impl Snapshots {
    /// Reads what is saved now. The journal is to be read after that, so that it is never behind.
    pub(super) fn read(store: &dyn Store) -> Result<Snapshots, JournalError> {
        let mut saved = HashMap::<Stream, VecDeque<SavedSnapshot>>::new();
        store.each_snapshot(&mut |snapshot| {
            let schema = SCHEMAS.iter().find(|schema| **schema == snapshot.schema_hash);
            if let Some(schema) = schema {
                saved.entry(snapshot.stream.clone()).or_default().push_back(SavedSnapshot {
                    version: snapshot.version,
                    position: snapshot.position,
                    schema,
                    hash: leaf_hash(snapshot.state.as_bytes()),
                });
            }
        })?;
        Ok(Snapshots(saved))
    }

    /// Those of a stream that begins now.
    pub(super) fn of(&mut self, stream: &Stream) -> VecDeque<SavedSnapshot> {
        self.0.remove(stream).unwrap_or_default()
    }

    /// Those of streams that have not begun.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Stream, &VecDeque<SavedSnapshot>)> {
        self.0.iter()
    }
}

impl SavedSnapshot {
    /// Nothing where it is, byte for byte, what is saved of a state after an event, or where nobody
    /// would read it.
    pub(super) fn suspect(self, recorded: &Recorded, state: &State) -> Option<Suspect> {
        if state.schema() != Some(self.schema) {
            return None;
        }
        let is_same = self.position == recorded.position
            && state.text().is_some_and(|text| leaf_hash(text.as_bytes()) == self.hash);
        (!is_same).then(|| Suspect { stream: recorded.stream.clone(), saved: self })
    }
}

impl Suspect {
    /// What is found where it reads as another state.
    pub(super) fn finding(&self, at: Position) -> Finding {
        let (stream, version) = (&self.stream, self.saved.version);
        let what = format!(
            "the saved snapshot of {stream} at version {version} is not what the journal gives; \
             {REMEDY}"
        );
        Finding::at(at, what)
    }
}

/// What to do about a cache that is wrong.
pub(super) const REMEDY: &str = "the caches are to be made anew: stop the server, run `delete from \
    journal_snapshot; delete from journal_segment; delete from journal_posting;` on the journal's \
    database, and start it";
