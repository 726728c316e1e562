//! `holds`: credits reserved, and then settled for less.

use quipu_load::{Session, Step};

use super::acknowledged::Acks;
use super::actor::{Actor, OpenHold};
use super::driven::Client;

/// Places a hold and settles it, in turns. The pair is one operation, of two requests.
pub(super) struct Pairs {
    actor: Actor,
    open: Option<OpenHold>,
}

impl Pairs {
    /// Begins with a hold.
    pub(super) const fn new(actor: Actor) -> Pairs {
        Pairs { actor, open: None }
    }
}

impl Session for Pairs {
    async fn step(&mut self) -> Step {
        if let Some(hold) = self.open.take() {
            return self.actor.settle(&hold).await;
        }
        let (step, open) = self.actor.place_hold().await;
        self.open = open;
        step
    }
}

impl Client for Pairs {
    fn acks(&self) -> Acks {
        self.actor.acks()
    }
}
