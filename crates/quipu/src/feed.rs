//! The journal as the views read it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use quipu_domain::{Position, Recorded, Timestamp};
use quipu_journal::{BatchRow, Checked, Journal, JournalError, Page, Recent};
use quipu_views::{Feed, FeedError, FeedPage};

/// The journal, for whoever follows it.
pub(crate) struct JournalFeed {
    pub(crate) journal: Journal,
    /// What the writer of this process has committed last; nothing where it has none.
    pub(crate) recent: Arc<Recent>,
}

impl Feed for JournalFeed {
    fn read(&self, after: Position, most_events: usize) -> Result<Vec<Recorded>, FeedError> {
        self.journal.page(after, most_events).map_err(|error| failed(&error))
    }

    fn follow(&self, after: Position, most_events: usize) -> Result<FeedPage, FeedError> {
        if let Some(events) = self.recent.after(after, most_events) {
            return Ok(FeedPage::Parsed(events));
        }
        let page = self.journal.unparsed_page(after, most_events);
        page.map(stored).map_err(|error| failed(&error))
    }

    fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, FeedError> {
        self.journal.events_at(positions).map_err(|error| failed(&error))
    }

    fn last_recorded_by(&self, moment: Timestamp) -> Result<Position, FeedError> {
        self.journal.last_recorded_by(moment).map_err(|error| failed(&error))
    }

    fn head(&self) -> Result<Position, FeedError> {
        self.journal.head().map(|head| head.position).map_err(|error| failed(&error))
    }
}

/// The journal, for whoever folds all of it and says of what: each event is one that was hashed when
/// it was written. It is read once, in order; from where an earlier reader has stopped, what is
/// before that is read again.
pub(crate) struct CheckedFeed {
    journal: JournalFeed,
    /// The last event that is read; its row is read to the end.
    until: Position,
    read: Mutex<Read>,
}

/// How far it is read.
struct Read {
    checked: Checked,
    /// Rows that are read, with events that were not yet asked for.
    rows: VecDeque<Arc<BatchRow>>,
}

impl CheckedFeed {
    pub(crate) fn new(journal: Journal, until: Position) -> CheckedFeed {
        let read = Read { checked: Checked::new(journal.clone()), rows: VecDeque::new() };
        let journal = JournalFeed { journal, recent: Arc::default() };
        CheckedFeed { journal, until, read: Mutex::new(read) }
    }

    fn page(&self, after: Position, most_events: usize) -> Result<Page, FeedError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.advance(after, self.until, most_events).map_err(|error| failed(&error))?;
        if read.rows.front().is_some_and(|row| row.first_position > after.plus(1)) {
            return Err(FeedError(format!("event {} was read before", after.plus(1))));
        }
        let end = after.plus(most_events as u64);
        let rows = read.rows.iter().take_while(|row| row.first_position <= end);
        Ok(Page::of(rows.cloned().collect(), after, most_events))
    }
}

impl Read {
    /// Makes sure that the row of the event after a position is next.
    fn advance(
        &mut self,
        after: Position,
        until: Position,
        most_events: usize,
    ) -> Result<(), JournalError> {
        loop {
            while self.rows.front().is_some_and(|row| row.last_position <= after) {
                self.rows.pop_front();
            }
            if !self.rows.is_empty() || self.checked.position() >= until {
                return Ok(());
            }
            let rows = self.checked.rows(until, most_events)?;
            self.rows.extend(rows.into_iter().map(Arc::new));
        }
    }
}

impl Feed for CheckedFeed {
    fn read(&self, after: Position, most_events: usize) -> Result<Vec<Recorded>, FeedError> {
        self.page(after, most_events)?.events().map_err(|error| failed(&error))
    }

    fn follow(&self, after: Position, most_events: usize) -> Result<FeedPage, FeedError> {
        self.page(after, most_events).map(stored)
    }

    fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, FeedError> {
        self.journal.events_at(positions)
    }

    fn last_recorded_by(&self, moment: Timestamp) -> Result<Position, FeedError> {
        self.journal.last_recorded_by(moment)
    }

    fn head(&self) -> Result<Position, FeedError> {
        self.journal.head()
    }
}

fn stored(page: Page) -> FeedPage {
    let last = page.last();
    FeedPage::Stored {
        last,
        parse: Box::new(move || page.events().map_err(|error| failed(&error))),
    }
}

fn failed(error: &JournalError) -> FeedError {
    FeedError(error.to_string())
}
