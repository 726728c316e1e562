//! A journal in memory, for tests and examples. It can be told to fail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use quipu_database::DatabaseError;
use quipu_domain::{Position, Stream, Timestamp, Version};

use crate::index::read_postings;
use crate::{
    AppendError, Appender, BatchRow, Head, JournalError, Lease, MOST_BYTES_IN_EVENT, SealedKeys,
    SealedSegment, SegmentBounds, SegmentEnd, Snapshot, Store,
};

/// A journal that lives as long as its last clone.
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

/// What goes wrong with an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It certainly did not happen.
    Failed,
    /// Its outcome is unknown, and it happened.
    UnknownCommitted,
    /// Its outcome is unknown, and it did not happen.
    UnknownLost,
    /// It is refused as if somebody else had written.
    NotHead,
    /// It is refused for good, as what no journal takes.
    TooLarge,
    /// It is refused for what is in it, as a database refuses some values.
    Values,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    lease_freed: Condvar,
}

#[derive(Default)]
struct State {
    rows: Vec<BatchRow>,
    /// By last position.
    segments: BTreeMap<Position, SealedSegment>,
    snapshots: BTreeMap<(Stream, Version), Snapshot>,
    leased: bool,
    unavailable: bool,
    faults: VecDeque<Fault>,
}

impl MemoryStore {
    /// An empty journal.
    #[must_use]
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Makes the next append go wrong; several faults are taken in order.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Switches the store off and on, as an outage of the database does.
    pub fn unavailable(&self, unavailable: bool) {
        self.state().unavailable = unavailable;
    }

    /// Forgets its last row, as a failover to an older copy does.
    pub fn lose_last_row(&self) {
        self.state().rows.pop();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reachable(&self) -> Result<MutexGuard<'_, State>, JournalError> {
        let state = self.state();
        if state.unavailable { Err(switched_off()) } else { Ok(state) }
    }
}

fn switched_off() -> JournalError {
    DatabaseError::Unavailable("the store in memory is switched off".to_owned()).into()
}

impl State {
    fn head(&self) -> Head {
        self.rows.last().map_or_else(Head::genesis, |row| Head {
            position: row.last_position,
            root: row.root,
            recorded_at: row.recorded_at,
        })
    }

    fn put(&mut self, rows: Vec<BatchRow>) -> Result<(), AppendError> {
        let mut root = self.head().root;
        for row in &rows {
            if row.prev_root != root {
                return Err(AppendError::NotHead);
            }
            root = row.root;
        }
        self.rows.extend(rows);
        Ok(())
    }

    fn postings(&self, stream: &Stream, after: Position) -> Result<Vec<Position>, JournalError> {
        let mut positions = Vec::new();
        for segment in self.segments.range(after.plus(1)..).map(|(_, segment)| segment) {
            let list = segment.postings.iter().find(|(name, _)| name == stream);
            if let Some((_, list)) = list {
                positions.extend(read_postings(segment.first_position, list)?);
            }
        }
        positions.retain(|position| *position > after);
        Ok(positions)
    }

    fn row_holding(&self, position: Position) -> Option<&BatchRow> {
        let index = self.rows.partition_point(|row| row.last_position < position);
        self.rows.get(index).filter(|row| row.first_position <= position)
    }
}

impl Store for MemoryStore {
    fn acquire(&self, lease: Lease) -> Result<Box<dyn Appender>, JournalError> {
        let mut state = self.reachable()?;
        if let Lease::Wait(patience) = lease {
            let deadline = Instant::now() + patience;
            while state.leased {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    let holder = "another writer in this process".to_owned();
                    return Err(JournalError::LeaseHeld { holder });
                }
                let waited = self.shared.lease_freed.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            state.leased = true;
        }
        Ok(Box::new(MemoryAppender { store: self.clone(), leased: lease != Lease::Forced }))
    }

    fn head(&self) -> Result<Head, JournalError> {
        Ok(self.reachable()?.head())
    }

    fn rows_after(
        &self,
        after: Position,
        most_events: usize,
    ) -> Result<Vec<BatchRow>, JournalError> {
        let state = self.reachable()?;
        let from = state.rows.partition_point(|row| row.last_position <= after);
        let most = after.plus(most_events as u64);
        let rows = state.rows[from..].iter().take_while(|row| row.first_position <= most);
        Ok(rows.cloned().collect())
    }

    fn rows_holding(&self, positions: &[Position]) -> Result<Vec<BatchRow>, JournalError> {
        let state = self.reachable()?;
        let rows = positions.iter().filter_map(|position| state.row_holding(*position));
        let rows: BTreeMap<Position, &BatchRow> =
            rows.map(|row| (row.first_position, row)).collect();
        Ok(rows.into_values().cloned().collect())
    }

    fn end_recorded_by(&self, moment: Timestamp) -> Result<Position, JournalError> {
        let state = self.reachable()?;
        let known = state.rows.partition_point(|row| row.recorded_at <= moment);
        Ok(state.rows[..known].last().map_or(Position::ZERO, |row| row.last_position))
    }

    fn postings(&self, wanted: &[(Stream, Position)]) -> Result<Vec<Vec<Position>>, JournalError> {
        let state = self.reachable()?;
        wanted.iter().map(|(stream, after)| state.postings(stream, *after)).collect()
    }

    fn segments(&self, since: Timestamp) -> Result<Vec<SealedKeys>, JournalError> {
        let state = self.reachable()?;
        let recent = state.segments.values().filter(|segment| segment.end.recorded_at >= since);
        Ok(recent.map(SealedKeys::of).collect())
    }

    fn last_segment(&self) -> Result<Option<SegmentEnd>, JournalError> {
        let state = self.reachable()?;
        let mut last = None;
        let mut next = Position(1);
        for segment in state.segments.values().take_while(|segment| {
            let follows = segment.first_position == next;
            next = segment.end.position.plus(1);
            follows
        }) {
            last = Some(segment.end.clone());
        }
        Ok(last)
    }

    fn segment_bounds(&self) -> Result<Vec<SegmentBounds>, JournalError> {
        Ok(self.reachable()?.segments.values().map(SealedSegment::bounds).collect())
    }

    fn saved_segment(&self, bounds: SegmentBounds) -> Result<Option<SealedSegment>, JournalError> {
        let state = self.reachable()?;
        let saved = state.segments.get(&bounds.last_position);
        let saved = saved.filter(|segment| segment.bounds() == bounds);
        Ok(saved.map(|segment| SealedSegment { postings: Vec::new(), ..segment.clone() }))
    }

    fn each_posting(
        &self,
        each: &mut dyn FnMut(&str, SegmentBounds, &[u8]),
    ) -> Result<(), JournalError> {
        for segment in self.reachable()?.segments.values() {
            let lists = segment.postings.iter();
            lists.for_each(|(stream, list)| each(stream.as_str(), segment.bounds(), list));
        }
        Ok(())
    }

    fn each_snapshot(&self, each: &mut dyn FnMut(&Snapshot)) -> Result<(), JournalError> {
        self.reachable()?.snapshots.values().for_each(each);
        Ok(())
    }

    fn snapshots(
        &self,
        streams: &[Stream],
        most_version: Option<Version>,
        schema_hash: &str,
    ) -> Result<Vec<Snapshot>, JournalError> {
        let state = self.reachable()?;
        let most = most_version.unwrap_or(Version(u64::MAX));
        let newest = |stream: &Stream| {
            let of_stream = (stream.clone(), Version::ZERO)..=(stream.clone(), most);
            let mut newest_first = state.snapshots.range(of_stream).rev().map(|(_, found)| found);
            newest_first.find(|found| found.schema_hash == schema_hash).cloned()
        };
        Ok(streams.iter().filter_map(newest).collect())
    }
}

struct MemoryAppender {
    store: MemoryStore,
    leased: bool,
}

impl Drop for MemoryAppender {
    fn drop(&mut self) {
        if self.leased {
            self.store.state().leased = false;
            self.store.shared.lease_freed.notify_one();
        }
    }
}

impl Appender for MemoryAppender {
    fn append(&mut self, rows: Vec<BatchRow>) -> Result<(), AppendError> {
        let mut state = self.store.reachable().map_err(AppendError::Failed)?;
        match state.faults.pop_front() {
            None => state.put(rows),
            Some(Fault::Failed) => Err(AppendError::Failed(switched_off())),
            Some(Fault::NotHead) => Err(AppendError::NotHead),
            Some(Fault::TooLarge) => Err(AppendError::Failed(JournalError::EventTooLarge {
                position: rows.first().map_or(Position::ZERO, |row| row.first_position),
                bytes: MOST_BYTES_IN_EVENT + 1,
                most: MOST_BYTES_IN_EVENT,
            })),
            Some(Fault::Values) => {
                let (sql, why) = ("INSERT".to_owned(), "not this".to_owned());
                Err(AppendError::Failed(DatabaseError::Values { sql, why }.into()))
            }
            Some(Fault::UnknownLost) => Err(AppendError::Unknown(switched_off())),
            Some(Fault::UnknownCommitted) => {
                state.put(rows)?;
                Err(AppendError::Unknown(switched_off()))
            }
        }
    }

    fn check(&mut self) -> Result<(), JournalError> {
        self.store.reachable().map(drop)
    }

    fn save_segment(&mut self, segment: &SealedSegment) -> Result<(), JournalError> {
        let mut state = self.store.reachable()?;
        let apart = |saved: &SealedSegment| {
            saved.end.position < segment.first_position
                || saved.first_position > segment.end.position
        };
        state.segments.retain(|_, saved| apart(saved));
        state.segments.insert(segment.end.position, segment.clone());
        Ok(())
    }

    fn save_snapshots(&mut self, snapshots: &[Snapshot]) -> Result<(), JournalError> {
        let mut state = self.store.reachable()?;
        for snapshot in snapshots {
            let key = (snapshot.stream.clone(), snapshot.version);
            state.snapshots.insert(key, Snapshot { supersedes: None, ..snapshot.clone() });
        }
        let superseded =
            |snapshot: &Snapshot| Some((snapshot.stream.clone(), snapshot.supersedes?));
        for key in snapshots.iter().filter_map(superseded) {
            state.snapshots.remove(&key);
        }
        Ok(())
    }
}
