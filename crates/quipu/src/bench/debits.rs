//! `hot` and `spread`: debits of one wallet or of many.

use quipu_load::{Session, Step};

use super::acknowledged::Acks;
use super::actor::Actor;
use super::driven::Client;

/// Debits wallet after wallet.
pub(super) struct Debits {
    actor: Actor,
    per_request: u16,
}

impl Debits {
    /// So many debits in a request.
    pub(super) const fn new(actor: Actor, per_request: u16) -> Debits {
        Debits { actor, per_request }
    }
}

impl Session for Debits {
    async fn step(&mut self) -> Step {
        match self.per_request {
            1 => self.actor.debit().await,
            many => self.actor.debit_many(many).await,
        }
    }
}

impl Client for Debits {
    fn acks(&self) -> Acks {
        self.actor.acks()
    }
}
