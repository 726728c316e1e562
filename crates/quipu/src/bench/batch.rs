//! `batch`: usage in batches, priced by a token table.

use quipu_load::{Session, Step};

use super::acknowledged::Acks;
use super::actor::Actor;
use super::driven::Client;
use super::run_id::RunId;
use super::usage_body::UsageBody;

/// Records in a request.
pub(super) const RECORDS: usize = 1_000;

/// Reports batch after batch.
pub(super) struct Batches {
    actor: Actor,
    body: UsageBody,
}

impl Batches {
    /// Batches of so many records, which occurred when this was made.
    pub(super) fn new(actor: Actor, run: &RunId, number: usize, records: usize) -> Batches {
        let now = jiff::Timestamp::now().to_string();
        Batches { actor, body: UsageBody::new(run, number, records, &now) }
    }
}

impl Session for Batches {
    async fn step(&mut self) -> Step {
        self.actor.record_usage(&mut self.body).await
    }
}

impl Client for Batches {
    fn acks(&self) -> Acks {
        self.actor.acks()
    }
}
