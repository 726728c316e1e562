//! What a journal needs from the place it is stored in.

use std::time::Duration;

use quipu_domain::{Position, Stream, Timestamp, Version};

use crate::{AppendError, BatchRow, Head, JournalError, Root};

/// The storage contract: put the next rows if, and only if, the first one's `prev_root` is the
/// head. Everything else is reading, and derived caches that may be deleted at any time.
pub trait Store: Send + Sync {
    /// Becomes the journal's writer. The lease only makes forks rare; that they are impossible
    /// is the business of [`Appender::append`].
    fn acquire(&self, lease: Lease) -> Result<Box<dyn Appender>, JournalError>;

    /// The end of the journal; [`Head::genesis`] where it is empty.
    fn head(&self) -> Result<Head, JournalError>;

    /// Rows with events after a position, in order: some `most_events` events (whole rows, so a
    /// few more), and at least one row where there is one.
    fn rows_after(
        &self,
        after: Position,
        most_events: usize,
    ) -> Result<Vec<BatchRow>, JournalError>;

    /// The rows that hold these positions, each once, in order.
    fn rows_holding(&self, positions: &[Position]) -> Result<Vec<BatchRow>, JournalError>;

    /// The last position of the last row that was recorded at a moment or before; zero where
    /// there is none.
    fn end_recorded_by(&self, moment: Timestamp) -> Result<Position, JournalError>;

    /// The positions of each stream after the one given with it, in order, as far as segments are
    /// saved: one list for each stream, in the order of the question. No stream is asked for twice.
    fn postings(&self, wanted: &[(Stream, Position)]) -> Result<Vec<Vec<Position>>, JournalError>;

    /// The keys of saved segments whose last event was recorded at that time or later, in order.
    fn segments(&self, since: Timestamp) -> Result<Vec<SealedKeys>, JournalError>;

    /// The end of the last saved segment before which none is missing.
    fn last_segment(&self) -> Result<Option<SegmentEnd>, JournalError>;

    /// Where each saved segment begins and ends, in the order of their ends; none where no posting
    /// is saved at all, because whoever deleted those meant all caches.
    fn segment_bounds(&self) -> Result<Vec<SegmentBounds>, JournalError>;

    /// A saved segment, without its postings: [`each_posting`](Self::each_posting) has those.
    fn saved_segment(&self, bounds: SegmentBounds) -> Result<Option<SealedSegment>, JournalError>;

    /// Hands every saved list to `each`, as it is stored, with its stream and the bounds that it
    /// says are its segment's.
    fn each_posting(
        &self,
        each: &mut dyn FnMut(&str, SegmentBounds, &[u8]),
    ) -> Result<(), JournalError>;

    /// Hands every snapshot to `each`, of whatever schema: by stream, the oldest version first.
    fn each_snapshot(&self, each: &mut dyn FnMut(&Snapshot)) -> Result<(), JournalError>;

    /// The newest snapshot of each stream at or below a version (any, where `None`) that was
    /// taken by a program with the same state schema; in no order, and none where there is none.
    fn snapshots(
        &self,
        streams: &[Stream],
        most_version: Option<Version>,
        schema_hash: &str,
    ) -> Result<Vec<Snapshot>, JournalError>;
}

/// The right to append to a journal, for as long as it lives.
pub trait Appender: Send {
    /// Puts all rows in one transaction; durable when it returns `Ok`.
    fn append(&mut self, rows: Vec<BatchRow>) -> Result<(), AppendError>;
    /// Saves what was derived from a segment, in place of what overlaps it.
    fn save_segment(&mut self, segment: &SealedSegment) -> Result<(), JournalError>;
    /// Saves snapshots, in place of those of the same stream and version and of those that they
    /// supersede.
    fn save_snapshots(&mut self, snapshots: &[Snapshot]) -> Result<(), JournalError>;
    /// Whether the lease is still there, which a database may take back without a word.
    fn check(&mut self) -> Result<(), JournalError>;
}

/// How to become the writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// Wait so long for another writer to end, then fail with its name.
    Wait(Duration),
    /// Do not ask. The database still refuses every append that does not follow the head.
    Forced,
}

/// Where a segment ends, and the hash tree there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentEnd {
    /// The segment's last position.
    pub position: Position,
    /// When that event was recorded.
    pub recorded_at: Timestamp,
    /// The tree's right edge after that event: one hash per complete subtree, largest first.
    pub peaks: Vec<Root>,
}

/// Where a saved segment begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentBounds {
    /// Its first position.
    pub first_position: Position,
    /// Its last position.
    pub last_position: Position,
}

/// What is derived from a completed segment of the journal: a cache, never truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSegment {
    /// The segment's first position.
    pub first_position: Position,
    /// Where it ends.
    pub end: SegmentEnd,
    /// Each stream's positions in it, delta-coded, by stream name.
    pub postings: Vec<(Stream, Vec<u8>)>,
    /// The key hashes of its events, sorted, with offsets from the first position.
    pub keys: Vec<u8>,
}

/// The keys of a saved segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKeys {
    /// The segment's first position.
    pub first_position: Position,
    /// Its last position.
    pub last_position: Position,
    /// When that event was recorded.
    pub recorded_at: Timestamp,
    /// As in [`SealedSegment::keys`].
    pub keys: Vec<u8>,
}

impl SealedSegment {
    /// Where it begins and ends.
    #[must_use]
    pub const fn bounds(&self) -> SegmentBounds {
        SegmentBounds { first_position: self.first_position, last_position: self.end.position }
    }
}

impl SealedKeys {
    /// The keys of a segment.
    #[must_use]
    pub fn of(segment: &SealedSegment) -> SealedKeys {
        SealedKeys {
            first_position: segment.first_position,
            last_position: segment.end.position,
            recorded_at: segment.end.recorded_at,
            keys: segment.keys.clone(),
        }
    }
}

/// The state of an aggregate after one of its events: a cache, never truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose state.
    pub stream: Stream,
    /// After which version.
    pub version: Version,
    /// The position of that event.
    pub position: Position,
    /// Which form of state: a program that folds differently has another one.
    pub schema_hash: String,
    /// The state as JSON.
    pub state: String,
    /// Of the same stream, the version of an older snapshot that nobody needs once this one is
    /// saved. What a store gives back supersedes nothing.
    pub supersedes: Option<Version>,
}
