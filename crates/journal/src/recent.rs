//! The newest durable events, kept in memory for one who follows the journal closely.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quipu_domain::{Position, Recorded};

/// What was committed last, and not yet taken by its follower.
///
/// Reading an event back from the database and parsing it costs a follower about as much as what
/// he then does with it; here he finds it as the writer had it. Whoever is too far behind, or
/// comes second, reads the journal.
pub struct Recent {
    /// Without a gap, oldest first.
    events: Mutex<VecDeque<Arc<Recorded>>>,
    most_events: usize,
}

impl Default for Recent {
    /// 262,144 events: some 200 MB when the follower is that far behind, nothing when he is not.
    fn default() -> Recent {
        Recent::of(262_144)
    }
}

impl Recent {
    /// Keeps so many events at most.
    #[must_use]
    pub fn of(most_events: usize) -> Recent {
        Recent { events: Mutex::default(), most_events }
    }

    /// Takes in what was just made durable.
    pub fn push(&self, committed: &[Arc<Recorded>]) {
        let Some(first) = committed.first() else { return };
        let mut events = self.lock();
        if events.back().is_some_and(|last| last.position.plus(1) != first.position) {
            // Another writer's events lie between.
            events.clear();
        }
        events.extend(committed.iter().cloned());
        let surplus = events.len().saturating_sub(self.most_events);
        events.drain(..surplus);
    }

    /// At most `limit` events after a position, in order; `None` where the next one is not in
    /// memory. Those up to the position are forgotten: the follower has them.
    #[must_use]
    pub fn after(&self, position: Position, limit: usize) -> Option<Vec<Arc<Recorded>>> {
        let mut events = self.lock();
        let taken = events.partition_point(|event| event.position <= position);
        events.drain(..taken);
        let next = events.front().is_some_and(|event| event.position == position.plus(1));
        next.then(|| events.iter().take(limit).cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Recorded>>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
