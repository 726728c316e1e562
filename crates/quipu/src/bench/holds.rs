//! `holds`: credits reserved, and then settled for less.

use quipu_load::{Session, Step};

use super::acknowledged::Acks;
use super::actor::{Actor, OpenHold};
use super::driven::Client;

/// Places holds and settles them, in turns. A hold and its settlement are one operation.
pub(super) struct Pairs {
    actor: Actor,
    /// Holds, or settlements, in a request.
    per_request: u16,
    open: Vec<OpenHold>,
}

impl Pairs {
    /// Begins with holds.
    pub(super) const fn new(actor: Actor, per_request: u16) -> Pairs {
        Pairs { actor, per_request, open: Vec::new() }
    }
}

impl Session for Pairs {
    async fn step(&mut self) -> Step {
        let Pairs { actor, per_request, open } = self;
        if *per_request > 1 {
            if open.is_empty() {
                return actor.place_many(*per_request, open).await;
            }
            let step = actor.settle_many(open).await;
            open.clear();
            return step;
        }
        if let Some(hold) = open.pop() {
            return actor.settle(&hold).await;
        }
        let (step, placed) = actor.place_hold().await;
        open.extend(placed);
        step
    }
}

impl Client for Pairs {
    fn acks(&self) -> Acks {
        self.actor.acks()
    }
}
