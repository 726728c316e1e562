//! A store that counts what it is asked, and answers when it may.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use quipu_domain::{Position, Stream, Timestamp, Version};
use quipu_journal::{
    Appender, BatchRow, Head, JournalError, Lease, MemoryStore, SealedKeys, SealedSegment,
    SegmentBounds, SegmentEnd, Snapshot, Store,
};

/// Counts the questions that an engine asks while it decides.
pub(crate) struct Counted {
    store: MemoryStore,
    questions: AtomicUsize,
    answers: Mutex<()>,
}

impl Counted {
    pub(crate) fn new(store: MemoryStore) -> Counted {
        Counted { store, questions: AtomicUsize::new(0), answers: Mutex::new(()) }
    }

    pub(crate) fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    /// Nothing is answered until what this gives is dropped.
    pub(crate) fn hold_answers(&self) -> MutexGuard<'_, ()> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked(&self) -> &MemoryStore {
        drop(self.hold_answers());
        self.questions.fetch_add(1, Ordering::Relaxed);
        &self.store
    }
}

impl Store for Counted {
    fn acquire(&self, lease: Lease) -> Result<Box<dyn Appender>, JournalError> {
        self.store.acquire(lease)
    }

    fn head(&self) -> Result<Head, JournalError> {
        self.store.head()
    }

    fn rows_after(&self, after: Position, limit: usize) -> Result<Vec<BatchRow>, JournalError> {
        self.asked().rows_after(after, limit)
    }

    fn rows_holding(&self, positions: &[Position]) -> Result<Vec<BatchRow>, JournalError> {
        self.asked().rows_holding(positions)
    }

    fn end_recorded_by(&self, moment: Timestamp) -> Result<Position, JournalError> {
        self.asked().end_recorded_by(moment)
    }

    fn postings(&self, wanted: &[(Stream, Position)]) -> Result<Vec<Vec<Position>>, JournalError> {
        self.asked().postings(wanted)
    }

    fn segments(&self, since: Timestamp) -> Result<Vec<SealedKeys>, JournalError> {
        self.store.segments(since)
    }

    fn last_segment(&self) -> Result<Option<SegmentEnd>, JournalError> {
        self.store.last_segment()
    }

    fn segment_bounds(&self) -> Result<Vec<SegmentBounds>, JournalError> {
        self.store.segment_bounds()
    }

    fn saved_segment(&self, bounds: SegmentBounds) -> Result<Option<SealedSegment>, JournalError> {
        self.store.saved_segment(bounds)
    }

    fn each_posting(
        &self,
        each: &mut dyn FnMut(&str, SegmentBounds, &[u8]),
    ) -> Result<(), JournalError> {
        self.store.each_posting(each)
    }

    fn each_snapshot(&self, each: &mut dyn FnMut(&Snapshot)) -> Result<(), JournalError> {
        self.store.each_snapshot(each)
    }

    fn snapshots(
        &self,
        streams: &[Stream],
        version: Option<Version>,
        schema_hash: &str,
    ) -> Result<Vec<Snapshot>, JournalError> {
        self.asked().snapshots(streams, version, schema_hash)
    }
}
