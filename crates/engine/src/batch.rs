//! What is decided together and will be durable together, and who waits for it.

use std::sync::Arc;

use quipu_domain::Recorded;
use quipu_journal::Snapshot;
use tokio::sync::oneshot;

use crate::{EngineError, Receipt, UsageOutcome};

/// Events in the order of their positions, and the answers that wait for them.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<Arc<Recorded>>,
    pub(crate) answers: Vec<Answer>,
    /// Cache entries to be saved once the events are durable.
    pub(crate) snapshots: Vec<Snapshot>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.answers.is_empty()
    }

    pub(crate) fn is_full(&self, most: usize) -> bool {
        self.events.len() >= most || self.answers.len() >= most
    }
}

/// Where an answer goes.
pub(crate) type Caller<T> = oneshot::Sender<Result<T, EngineError>>;

/// What became of each of several commands.
pub(crate) type Outcomes = Vec<Result<Receipt, EngineError>>;

/// An answer that must not be given before the batch is durable.
pub(crate) enum Answer {
    Command(Caller<Receipt>, Result<Receipt, EngineError>),
    Commands(Caller<Outcomes>, Result<Outcomes, EngineError>),
    Usage(Caller<Vec<UsageOutcome>>, Result<Vec<UsageOutcome>, EngineError>),
    Append(Caller<Vec<Arc<Recorded>>>, Result<Vec<Arc<Recorded>>, EngineError>),
    CatchUp(Caller<()>, Result<(), EngineError>),
    HasTenant(Caller<bool>, Result<bool, EngineError>),
}

impl Answer {
    /// Gives the answer. A caller that went away does not need it.
    pub(crate) fn give(self) {
        match self {
            Answer::Command(caller, answer) => drop(caller.send(answer)),
            Answer::Commands(caller, answer) => drop(caller.send(answer)),
            Answer::Usage(caller, answer) => drop(caller.send(answer)),
            Answer::Append(caller, answer) => drop(caller.send(answer)),
            Answer::CatchUp(caller, answer) => drop(caller.send(answer)),
            Answer::HasTenant(caller, answer) => drop(caller.send(answer)),
        }
    }

    /// Says instead why there is none.
    pub(crate) fn fail(self, error: EngineError) {
        match self {
            Answer::Command(caller, _) => drop(caller.send(Err(error))),
            Answer::Commands(caller, _) => drop(caller.send(Err(error))),
            Answer::Usage(caller, _) => drop(caller.send(Err(error))),
            Answer::Append(caller, _) => drop(caller.send(Err(error))),
            Answer::CatchUp(caller, _) => drop(caller.send(Err(error))),
            Answer::HasTenant(caller, _) => drop(caller.send(Err(error))),
        }
    }
}
