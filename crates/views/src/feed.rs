//! Where events come from.

use std::sync::Arc;

use quipu_domain::{Position, Recorded, Timestamp};

/// The journal, as far as the views need it.
pub trait Feed: Send + Sync {
    /// The next events after a position, in order and without a gap; none at the head.
    fn read(&self, after: Position, most_events: usize) -> Result<Vec<Recorded>, FeedError>;

    /// As [`read`](Self::read), for whoever follows the journal to its head: the newest events may
    /// come from memory, where nobody had to parse them.
    fn follow(&self, after: Position, most_events: usize) -> Result<FeedPage, FeedError> {
        let events = self.read(after, most_events)?;
        Ok(FeedPage::Parsed(events.into_iter().map(Arc::new).collect()))
    }

    /// The events at these positions, each once, in the journal's order; those that there are.
    fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, FeedError>;

    /// The last event that was recorded at a moment or before; zero where there is none.
    fn last_recorded_by(&self, moment: Timestamp) -> Result<Position, FeedError>;

    /// The position of the last event.
    fn head(&self) -> Result<Position, FeedError>;
}

/// The next events of a feed.
pub enum FeedPage {
    /// As they are in memory.
    Parsed(Vec<Arc<Recorded>>),
    /// As they are stored, to be parsed by whichever thread has time for it.
    Stored {
        /// The last one.
        last: Position,
        /// Parses them.
        parse: Box<dyn FnOnce() -> Result<Vec<Recorded>, FeedError> + Send>,
    },
}

impl FeedPage {
    /// The last event; none where there is none.
    pub(crate) fn last(&self) -> Option<Position> {
        match self {
            FeedPage::Parsed(events) => events.last().map(|event| event.position),
            FeedPage::Stored { last, .. } => Some(*last),
        }
    }

    pub(crate) fn parse(self) -> Result<Events, FeedError> {
        let (mut shared, mut own) = (Vec::new(), Vec::new());
        match self {
            FeedPage::Parsed(events) => shared = events,
            FeedPage::Stored { parse, .. } => own = parse()?,
        }
        Ok(Events { shared, own })
    }
}

/// A page's events: the one or the other.
pub(crate) struct Events {
    shared: Vec<Arc<Recorded>>,
    own: Vec<Recorded>,
}

impl Events {
    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Recorded> {
        self.shared.iter().map(|event| &**event).chain(&self.own)
    }
}

/// The journal could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal could not be read: {0}")]
pub struct FeedError(pub String);
