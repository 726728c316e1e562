//! The journal as the views read it.

use std::sync::Arc;

use quipu_domain::{Position, Recorded, Timestamp};
use quipu_journal::{Journal, JournalError, Recent};
use quipu_views::{Feed, FeedError};

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

    fn follow(&self, after: Position, most_events: usize) -> Result<Vec<Arc<Recorded>>, FeedError> {
        if let Some(events) = self.recent.after(after, most_events) {
            return Ok(events);
        }
        Ok(self.read(after, most_events)?.into_iter().map(Arc::new).collect())
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

fn failed(error: &JournalError) -> FeedError {
    FeedError(error.to_string())
}
