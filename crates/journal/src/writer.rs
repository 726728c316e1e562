//! The only way to write to a journal.

mod edge;
mod load;
mod rows;

use std::borrow::Borrow;
use std::sync::Arc;

use quipu_domain::Recorded;

use crate::{
    AppendError, Appender, Head, Index, JournalError, KeyWindow, Lease, SealedSegment, SegmentEnd,
    Snapshot, Store,
};
use edge::Edge;

/// Positions in a segment of the index: offsets within one fit into 16 bits.
pub const SEGMENT_LENGTH: usize = 65_536;

/// Owns the lease, the head and the hash tree's right edge.
///
/// After an [`AppendError`] that came from the store, the writer appends nothing until
/// [`recover`](Self::recover) has looked at what the journal really holds.
pub struct Writer {
    store: Arc<dyn Store>,
    lease: Lease,
    /// Absent after a failure, until a new one is acquired.
    appender: Option<Box<dyn Appender>>,
    edge: Edge,
    /// What the last append would have led to, if it failed after it reached the store.
    pending: Option<(Edge, Appended)>,
}

/// What an append led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The new end of the journal.
    pub head: Head,
    /// Segments that ended within the appended events, for
    /// [`Index::record`](crate::Index::record).
    pub segment_ends: Vec<SegmentEnd>,
}

/// What became of the last append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the journal.
    Committed(Appended),
    /// It is not in the journal, whose head is where it was before.
    NotCommitted,
    /// Somebody else has appended, up to this head: whatever was derived from the old one is void,
    /// and the journal must be opened anew.
    Overtaken(Head),
}

impl Writer {
    /// Takes the lease and reads what is needed to go on: the hash tree's edge and the index,
    /// from saved segments and the journal after them, whose events are hashed again and
    /// must lead to the head's root.
    pub fn open(
        store: Arc<dyn Store>,
        lease: Lease,
        key_window: KeyWindow,
    ) -> Result<(Writer, Index), JournalError> {
        Self::open_with_segments(store, lease, key_window, SEGMENT_LENGTH)
    }

    /// As [`open`](Self::open), with another number of positions to a segment, at most
    /// [`SEGMENT_LENGTH`]. Segments that were saved with another length stay valid.
    pub fn open_with_segments(
        store: Arc<dyn Store>,
        lease: Lease,
        key_window: KeyWindow,
        segment_length: usize,
    ) -> Result<(Writer, Index), JournalError> {
        // The lease comes first: while it is held nobody else appends, so the head read next
        // stays the head.
        let mut appender = store.acquire(lease)?;
        let length = segment_length.clamp(1, SEGMENT_LENGTH);
        let (edge, index) = load::load(store.as_ref(), appender.as_mut(), key_window, length)?;
        Ok((Writer { store, lease, appender: Some(appender), edge, pending: None }, index))
    }

    /// The end of the journal, as far as this writer has brought it.
    #[must_use]
    pub fn head(&self) -> Head {
        self.edge.head()
    }

    /// Encodes and hashes events and puts them into the journal in one transaction. They must
    /// carry the positions that follow the head, and times that do not decrease. No events ask
    /// whether this is still the writer, as far as the lease tells.
    pub fn append<E: Borrow<Recorded>>(&mut self, events: &[E]) -> Result<Appended, AppendError> {
        let failed = AppendError::Failed;
        if events.is_empty() {
            self.maintain(|appender| appender.check()).map_err(failed)?;
        }
        let appender = self.appender.as_mut().ok_or(failed(JournalError::NotRecovered))?;
        let mut edge = self.edge.clone();
        let (rows, segment_ends) = rows::encode(&mut edge, events).map_err(failed)?;
        let appended = Appended { head: edge.head(), segment_ends };
        if rows.is_empty() {
            return Ok(appended);
        }
        match appender.append(rows) {
            Ok(()) => {
                self.edge = edge;
                Ok(appended)
            }
            Err(error) => {
                self.appender = None;
                self.pending = Some((edge, appended));
                Err(error)
            }
        }
    }

    /// Takes a new lease on a new connection and finds out what became of the last append.
    pub fn recover(&mut self) -> Result<Outcome, JournalError> {
        // The old appender goes first, because it may still hold the lease. Where it lives on in
        // a database that has not noticed the lost connection yet, acquiring waits for it: so the
        // head read after that cannot be moved by a transaction that was still on its way.
        self.appender = None;
        let appender = match self.store.acquire(self.lease) {
            // It may be held by what is left of this writer's own session, or by somebody who ends
            // without a word: only what was written tells that this writer's time is over.
            Err(error @ JournalError::LeaseHeld { .. }) => {
                let head = self.store.head()?;
                return if self.has_led_to(&head) {
                    Err(error)
                } else {
                    Ok(Outcome::Overtaken(head))
                };
            }
            acquired => acquired?,
        };
        let head = self.store.head()?;
        let outcome = match self.pending.take() {
            Some((edge, appended)) if appended.head.root == head.root => {
                self.edge = edge;
                Outcome::Committed(appended)
            }
            _ if self.edge.head().root == head.root => Outcome::NotCommitted,
            _ => return Ok(Outcome::Overtaken(head)),
        };
        self.appender = Some(appender);
        Ok(outcome)
    }

    /// Whether the journal ends where this writer has brought it, or may have.
    fn has_led_to(&self, head: &Head) -> bool {
        let pending = self.pending.as_ref().map(|(_, appended)| appended.head.root);
        self.edge.head().root == head.root || pending == Some(head.root)
    }

    /// Saves what [`Index::record`](crate::Index::record) completed. Missing segments cost time
    /// at the next start and nothing else.
    pub fn save_segment(&mut self, segment: &SealedSegment) -> Result<(), JournalError> {
        self.maintain(|appender| appender.save_segment(segment))
    }

    /// Saves snapshots of aggregates.
    pub fn save_snapshots(&mut self, snapshots: &[Snapshot]) -> Result<(), JournalError> {
        self.maintain(|appender| appender.save_snapshots(snapshots))
    }

    /// A failure here may have cost the connection, and with it the lease: recover before the
    /// next append.
    fn maintain(
        &mut self,
        work: impl FnOnce(&mut dyn Appender) -> Result<(), JournalError>,
    ) -> Result<(), JournalError> {
        let appender = self.appender.as_mut().ok_or(JournalError::NotRecovered)?;
        let result = work(appender.as_mut());
        if result.is_err() {
            self.appender = None;
        }
        result
    }
}
