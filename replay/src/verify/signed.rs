//! What was signed: the journal must lead to it, in the epoch that it was signed in (J6).

use super::{Expectation, Stop, Verifier, readable};
use crate::report::Finding;

/// A tree head that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// In which epoch. Of an older one than the journal's the event that began the new one says what
    /// was lost.
    pub epoch: u64,
    /// Over how many events, and what.
    pub head: Expectation,
}

impl Verifier<'_> {
    /// What is signed is what a commit left, so that a row ends there.
    pub(super) fn leads_to(&self, signed: &[Signed]) -> Result<(), Stop> {
        let epoch = self.aggregates.epoch();
        signed.iter().filter(|signed| signed.epoch >= epoch).try_for_each(|signed| {
            let Expectation { position, root } = signed.head;
            let end = self.chain.position();
            let said = format!(
                "a checkpoint of {position} events with root {root} was signed in epoch {}",
                signed.epoch
            );
            if position > end {
                let what = format!(
                    "the journal ends at {end}, but {said}: the end of the journal is missing; where \
                     an older copy was restored, start the server, which begins a new epoch and says so"
                );
                return Err(Finding::at(end.plus(1), what).into());
            }
            if readable(position, self.journal.root_at(position))? == Some(root) {
                return Ok(());
            }
            let what = format!("the journal leads to another root there, but {said}: it was rewritten");
            Err(Finding::at(position, what).into())
        })
    }
}
