//! Where events come from.

use std::sync::Arc;

use quipu_domain::{Position, Recorded, Timestamp};

/// The journal, as far as the views need it.
pub trait Feed: Send + Sync {
    /// The next events after a position, in order and without a gap; none at the head.
    fn read(&self, after: Position, most_events: usize) -> Result<Vec<Recorded>, FeedError>;

    /// As [`read`](Self::read), for whoever follows the journal to its head: the newest events may
    /// come from memory, where nobody had to parse them.
    fn follow(&self, after: Position, most_events: usize) -> Result<Vec<Arc<Recorded>>, FeedError> {
        Ok(self.read(after, most_events)?.into_iter().map(Arc::new).collect())
    }

    /// The events at these positions, each once, in the journal's order; those that there are.
    fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, FeedError>;

    /// The last event that was recorded at a moment or before; zero where there is none.
    fn last_recorded_by(&self, moment: Timestamp) -> Result<Position, FeedError>;

    /// The position of the last event.
    fn head(&self) -> Result<Position, FeedError>;
}

/// The journal could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal could not be read: {0}")]
pub struct FeedError(pub String);
