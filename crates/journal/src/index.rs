//! Which positions a stream has, and where a key was used, without a table row per event.
//!
//! The journal is cut into segments. What is derived from a completed one is saved as a few rows
//! ([`SealedSegment`]); the open one is in memory and is derived again at every start. All of it
//! is a cache: deleted, it is rebuilt from the journal.

mod check;
mod keys;
mod postings;

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use quipu_domain::{Position, Recorded, Stream, Timestamp};

use crate::key::keys_of;
use crate::{Appended, JournalError, KeyHash, SealedKeys, SealedSegment, SegmentEnd, Store};
use keys::KeyTable;

pub use check::{SegmentCheck, SegmentMisfit};
pub(crate) use postings::read as read_postings;

/// For how long a key that was used is remembered, in time recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyWindow {
    /// Seconds between a key's event and the newest one.
    pub seconds: i64,
}

impl Default for KeyWindow {
    /// 32 days: a month of retries, and a day.
    fn default() -> KeyWindow {
        KeyWindow { seconds: 32 * 24 * 60 * 60 }
    }
}

impl KeyWindow {
    /// From when on keys are remembered.
    #[must_use]
    pub fn since(self, now: Timestamp) -> Timestamp {
        now.plus_seconds(self.seconds.saturating_neg())
    }
}

/// Derived and disposable: where to find a stream's events and a key's event. Owned by the
/// thread that decides, fed with what the [`Writer`](crate::Writer) has committed.
pub struct Index {
    window: KeyWindow,
    keys: KeyTable,
    open: OpenSegment,
    /// Segments that are complete and that the store does not answer for, oldest first.
    unsaved: VecDeque<Arc<SealedSegment>>,
}

struct OpenSegment {
    first_position: Position,
    streams: HashMap<Stream, Vec<Position>>,
    keys: Vec<(KeyHash, Position)>,
}

impl Index {
    pub(crate) fn new(
        window: KeyWindow,
        sealed: Vec<SealedKeys>,
        last: Position,
    ) -> Result<Index, JournalError> {
        let (keys, open) = (KeyTable::of(sealed)?, OpenSegment::after(last));
        Ok(Index { window, keys, open, unsaved: VecDeque::new() })
    }

    /// Takes in what was just committed. Gives the segments that it completed, for
    /// [`Writer::save_segment`](crate::Writer::save_segment), most often none.
    pub fn record<E: Borrow<Recorded>>(
        &mut self,
        events: &[E],
        appended: &Appended,
    ) -> Vec<Arc<SealedSegment>> {
        let mut completed = Vec::new();
        let mut ends = appended.segment_ends.iter().peekable();
        for recorded in events {
            let recorded: &Recorded = recorded.borrow();
            for key in keys_of(recorded) {
                self.keys.insert(key, recorded.position);
                self.open.keys.push((key, recorded.position));
            }
            self.open.add(&recorded.stream, recorded.position);
            if let Some(end) = ends.next_if(|end| end.position == recorded.position) {
                completed.push(self.seal(end));
            }
        }
        completed
    }

    /// Takes note that a segment is saved, so that the store answers for it from now on. It does
    /// for segments without a gap between them; one that is saved before an older one stays in
    /// memory as well.
    pub fn saved(&mut self, segment: &SealedSegment) {
        self.unsaved.pop_front_if(|oldest| oldest.end.position == segment.end.position);
    }

    /// The events that may carry this key, oldest first. Another key can have the same hash, so
    /// the caller reads the event and compares.
    pub fn find(&self, key: KeyHash) -> impl Iterator<Item = Position> {
        self.keys.find(key)
    }

    /// The positions of each stream after the one given with it, in order: one list for each, in
    /// the order of the question. No stream is asked for twice.
    pub fn positions(
        &self,
        store: &dyn Store,
        wanted: &[(Stream, Position)],
    ) -> Result<Vec<Vec<Position>>, JournalError> {
        let in_memory_from =
            self.unsaved.front().map_or(self.open.first_position, |segment| segment.first_position);
        let mut lists = if wanted.iter().any(|(_, after)| after.plus(1) < in_memory_from) {
            store.postings(wanted)?
        } else {
            vec![Vec::new(); wanted.len()]
        };
        for ((stream, after), positions) in wanted.iter().zip(&mut lists) {
            // A segment may have been saved without this index having heard of it yet.
            positions.truncate(positions.partition_point(|p| *p < in_memory_from));
            for segment in &self.unsaved {
                if let Ok(found) = segment.postings.binary_search_by(|(name, _)| name.cmp(stream)) {
                    let list = &segment.postings[found].1;
                    positions.extend(read_postings(segment.first_position, list)?);
                }
            }
            positions.extend(self.open.streams.get(stream).into_iter().flatten());
            positions.drain(..positions.partition_point(|p| p <= after));
        }
        Ok(lists)
    }

    fn seal(&mut self, end: &SegmentEnd) -> Arc<SealedSegment> {
        let open = std::mem::replace(&mut self.open, OpenSegment::after(end.position));
        let segment = Arc::new(open.seal(end.clone()));
        self.keys.seal(SealedKeys::of(&segment));
        self.keys.forget_before(self.window.since(end.recorded_at));
        self.unsaved.push_back(Arc::clone(&segment));
        segment
    }
}

impl OpenSegment {
    fn after(last: Position) -> OpenSegment {
        OpenSegment { first_position: last.plus(1), streams: HashMap::new(), keys: Vec::new() }
    }

    fn add(&mut self, stream: &Stream, position: Position) {
        match self.streams.get_mut(stream) {
            Some(positions) => positions.push(position),
            None => {
                self.streams.insert(stream.clone(), vec![position]);
            }
        }
    }

    fn seal(mut self, end: SegmentEnd) -> SealedSegment {
        let mut postings: Vec<(Stream, Vec<u8>)> = self
            .streams
            .into_iter()
            .map(|(stream, positions)| (stream, postings::write(self.first_position, &positions)))
            .collect();
        // Sorted, so that the same segment always has the same form, and can be searched.
        postings.sort_unstable();
        self.keys.sort_unstable();
        let keys = keys::write(self.first_position, &self.keys);
        SealedSegment { first_position: self.first_position, end, postings, keys }
    }
}
