//! Reading the journal.

use std::collections::BTreeSet;
use std::sync::Arc;

use quipu_domain::{Position, Recorded, Timestamp};

use crate::codec::{self, Decoded, StoredEvent};
use crate::{BatchRow, Head, JournalError, Page, Root, Store, leaf_hash};

/// The read side, for everybody: feed, verification, and whoever looks an event up.
#[derive(Clone)]
pub struct Journal {
    store: Arc<dyn Store>,
}

impl Journal {
    /// The journal in this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Journal {
        Journal { store }
    }

    /// The end of the journal.
    pub fn head(&self) -> Result<Head, JournalError> {
        self.store.head()
    }

    /// At most `limit` events after a position, in order; none only at the end.
    pub fn page(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        self.unparsed_page(after, limit)?.decode()
    }

    /// The same, to be parsed later.
    pub fn unparsed_page(&self, after: Position, limit: usize) -> Result<Page, JournalError> {
        let rows = self.store.rows_after(after, limit)?;
        Ok(Page::of(rows.into_iter().map(Arc::new).collect(), after, limit))
    }

    /// As [`page`](Self::page), with each event's exact text.
    pub fn stored_page(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, JournalError> {
        self.unparsed_page(after, limit)?.decode()
    }

    /// The events at these positions, each once, in the journal's order. A position that the
    /// journal does not have is left out.
    pub fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, JournalError> {
        self.read_at(positions)
    }

    /// As [`events_at`](Self::events_at), with each event's exact text.
    pub fn stored_at(&self, positions: &[Position]) -> Result<Vec<StoredEvent>, JournalError> {
        self.read_at(positions)
    }

    /// The hash of the first event, by which a book is known: every copy of it has that, and no
    /// other book. `None` where there is no event yet.
    pub fn first_event_hash(&self) -> Result<Option<Root>, JournalError> {
        let first = self.stored_at(&[Position(1)])?;
        Ok(first.first().map(|event| leaf_hash(event.text.as_bytes())))
    }

    /// The last event that was recorded at a moment or before; zero where there is none.
    pub fn last_recorded_by(&self, moment: Timestamp) -> Result<Position, JournalError> {
        let mut last = self.store.end_recorded_by(moment)?;
        // The next row ends later, but its first events may be of that moment still.
        if let Some(row) = self.store.rows_after(last, 1)?.first() {
            for (position, text) in codec::texts(row)? {
                if codec::decode_header(position, text)?.recorded_at > moment {
                    break;
                }
                last = position;
            }
        }
        Ok(last)
    }

    /// The root at a position: only where a commit's row ends, or before the first event.
    pub fn root_at(&self, position: Position) -> Result<Option<Root>, JournalError> {
        if position == Position::ZERO {
            return Ok(Some(Root::empty()));
        }
        let rows = self.store.rows_holding(&[position])?;
        Ok(rows.first().filter(|row| row.last_position == position).map(|row| row.root))
    }

    /// Rows as they are stored, with some `most_events` events after a position.
    pub fn rows_after(
        &self,
        after: Position,
        most_events: usize,
    ) -> Result<Vec<BatchRow>, JournalError> {
        self.store.rows_after(after, most_events)
    }

    fn read_at<T: Decoded>(&self, positions: &[Position]) -> Result<Vec<T>, JournalError> {
        let wanted: BTreeSet<Position> = positions.iter().copied().collect();
        let mut events = Vec::with_capacity(wanted.len());
        for row in self.store.rows_holding(positions)? {
            codec::decode_row(&row, |position| wanted.contains(&position), &mut events)?;
        }
        Ok(events)
    }
}
