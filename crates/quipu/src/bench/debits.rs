//! `hot` and `spread`: one debit per request, of one wallet or of many.

use quipu_load::{Session, Step};

use super::acknowledged::Acks;
use super::actor::Actor;
use super::driven::Client;

/// Debits wallet after wallet.
pub(super) struct Debits(pub(super) Actor);

impl Session for Debits {
    async fn step(&mut self) -> Step {
        self.0.debit().await
    }
}

impl Client for Debits {
    fn acks(&self) -> Acks {
        self.0.acks()
    }
}
