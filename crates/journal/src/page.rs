//! Events that are read and yet to be parsed.

use std::sync::Arc;

use quipu_domain::{Position, Recorded};

use crate::codec::{self, Decoded};
use crate::{BatchRow, JournalError};

/// The events after one position, up to another, in the rows that hold them. To read rows is a
/// matter of one thread; to parse them costs twice that, and any thread can do it.
pub struct Page {
    rows: Vec<Arc<BatchRow>>,
    after: Position,
    last: Position,
}

impl Page {
    /// At most so many of the events of rows that follow each other, after a position.
    #[must_use]
    pub fn of(rows: Vec<Arc<BatchRow>>, after: Position, most_events: usize) -> Page {
        let end = rows.last().map_or(after, |row| row.last_position);
        Page { rows, after, last: end.min(after.plus(most_events as u64)) }
    }

    /// The last event; the position before the page where it has none.
    #[must_use]
    pub const fn last(&self) -> Position {
        self.last
    }

    /// Its events, in order.
    pub fn events(&self) -> Result<Vec<Recorded>, JournalError> {
        self.decode()
    }

    pub(crate) fn decode<T: Decoded>(&self) -> Result<Vec<T>, JournalError> {
        let events = usize::try_from(self.last.0.saturating_sub(self.after.0)).unwrap_or(0);
        let mut page = Vec::with_capacity(events);
        let is_wanted = |position| position > self.after && position <= self.last;
        self.rows.iter().try_for_each(|row| codec::decode_row(row, is_wanted, &mut page))?;
        Ok(page)
    }
}
