//! The epochs as their events made them.

use serde::{Deserialize, Serialize};

use super::{EpochCommand, EpochEvent, EpochStarted, origin};
use crate::aggregate::aggregate;
use crate::event::Inconsistency;
use crate::{Label, Position, Refusal};

/// The epochs of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// The last event; none in epoch 1.
    started: Option<EpochStarted>,
}

impl Epoch {
    /// Names the shape a snapshot has; another shape gets another name.
    pub const SCHEMA: &str = "epoch/1";

    /// The epoch that the journal is in.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.started.as_ref().map_or(1, |started| started.epoch)
    }

    /// What began it; nothing in epoch 1.
    #[must_use]
    pub const fn started(&self) -> Option<&EpochStarted> {
        self.started.as_ref()
    }

    /// What a command leads to. `next` is the position of the event that it would give.
    ///
    /// J6: the new number is above those of the journal and above the one last signed in, because
    /// the events of a later epoch may themselves be what was lost.
    pub fn decide(
        &self,
        command: &EpochCommand,
        next: Position,
    ) -> Result<Vec<EpochEvent>, Refusal> {
        let EpochCommand::Start(last, new) = command;
        let epoch = self.number().max(last.epoch) + 1;
        let name: String = new.name.as_str().chars().take(Label::MOST_CHARS - 30).collect();
        let started = EpochStarted {
            epoch,
            origin: origin(&name, epoch).parse().expect("a label and a number in 500 characters"),
            prev_origin: last.origin.clone(),
            prev_size: last.size,
            prev_root: last.root.clone(),
            restored_size: next.0.saturating_sub(1),
            reason: new.reason.clone(),
        };
        Ok(vec![EpochEvent::EpochStarted(started)])
    }

    /// What an event makes of it.
    pub fn apply(&mut self, event: &EpochEvent) -> Result<(), Inconsistency> {
        let EpochEvent::EpochStarted(started) = event;
        if started.epoch <= self.number() {
            return Err(Inconsistency(format!(
                "epoch {} follows epoch {}",
                started.epoch,
                self.number()
            )));
        }
        self.started = Some(started.clone());
        Ok(())
    }
}

// Services: the position of the next event.
aggregate!(Epoch in "epoch": EpochCommand => EpochEvent, |next: Position| (*next));
