//! How long a thread has been at what it has in hand: a database may answer nothing for long, and
//! fail nowhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use quipu_domain::Label;

/// A journal that takes longer for one thing does not answer: nobody waits so long for a command.
const LONG: Duration = Duration::from_secs(5);

/// Since when something is in hand. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct InHand(Arc<Mutex<Option<Instant>>>);

impl InHand {
    pub(crate) fn begin(&self) {
        self.set(Some(Instant::now()));
    }

    pub(crate) fn end(&self) {
        self.set(None);
    }

    fn since(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map(|begun| begun.elapsed())
    }

    fn set(&self, begun: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = begun;
    }
}

/// What is wrong where one of them has been at the same thing for long.
pub(crate) fn unanswered(all: &[InHand]) -> Option<Label> {
    let since = all.iter().filter_map(InHand::since).max().filter(|since| *since > LONG)?;
    let why = format!(
        "the journal has not answered for {} s: what it was asked waits for a lock, a disk or a \
         synchronous standby",
        since.as_secs()
    );
    Some(Label::of_any(&why))
}
