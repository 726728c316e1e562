//! Commands in, receipts out: the single writer of a journal.
//!
//! One thread decides, another commits. The deciding thread takes commands from a bounded queue,
//! answers what is known already, loads the aggregates a command needs, lets the domain decide
//! and applies the events at once, so that the next command is decided on a state that is not yet
//! durable. The committing thread writes whatever has been decided meanwhile as one commit, and
//! only then are its callers answered. There is no timer: while one commit is on its way to the
//! disk, the next batch grows.
//!
//! What must hold:
//! - an answer is given only after the events that it rests on are durable;
//! - a command takes effect at most once per idempotency key, a usage record at most once per
//!   (source, id), across restarts;
//! - a refused command leaves no event and does not use up its key (J4);
//! - memory is bounded: queue, batch, caches and the window of keys all have a limit.
//!
//! **Absent from this crate:** rules (they are in `quipu-domain`), SQL (`quipu-journal`), HTTP,
//! read models.

mod aggregates;
mod batch;
mod clock;
mod committer;
pub mod cqrs;
mod decide;
mod decider;
mod draft;
mod engine;
mod in_hand;
mod known;
mod pace;
mod past;
mod queue;
mod request;
mod scheduler;
mod size;
mod states;
mod turns;

pub use clock::{Clock, Ids, ManualClock, SystemClock};
pub use engine::{Engine, Options, Status};
pub use pace::Follower;
pub use request::{
    Append, Command, EngineError, Receipt, Request, UsageBatch, UsageOutcome, UsageReport,
};
pub use scheduler::{DueSource, Scheduler};
