//! The journal as the views read it.

use quipu_domain::{Position, Recorded};
use quipu_journal::{Journal, JournalError};
use quipu_views::{Feed, FeedError};

/// The journal, for whoever follows it.
pub(crate) struct JournalFeed(pub(crate) Journal);

impl Feed for JournalFeed {
    fn read(&self, after: Position, most_events: usize) -> Result<Vec<Recorded>, FeedError> {
        self.0.page(after, most_events).map_err(|error| failed(&error))
    }

    fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, FeedError> {
        self.0.events_at(positions).map_err(|error| failed(&error))
    }

    fn head(&self) -> Result<Position, FeedError> {
        self.0.head().map(|head| head.position).map_err(|error| failed(&error))
    }
}

fn failed(error: &JournalError) -> FeedError {
    FeedError(error.to_string())
}
