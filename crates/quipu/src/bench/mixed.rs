//! `mixed`: a little of everything, as a day has it.

use quipu_load::{Random, Session, Step};

use super::acknowledged::Acks;
use super::actor::{Actor, OpenHold};
use super::driven::Client;
use super::run_id::RunId;
use super::usage_body::UsageBody;

/// Usage records in a request.
const RECORDS: usize = 20;

/// Of ten turns: four debits, three holds with their settlements, two usage batches, one balance.
pub(super) struct Mixed {
    actor: Actor,
    random: Random,
    body: UsageBody,
    open: Option<OpenHold>,
}

impl Mixed {
    /// Begins anywhere.
    pub(super) fn new(actor: Actor, run: &RunId, number: usize) -> Mixed {
        let now = jiff::Timestamp::now().to_string();
        Mixed {
            actor,
            random: Random::new(number as u64),
            body: UsageBody::new(run, number, RECORDS, &now),
            open: None,
        }
    }
}

impl Session for Mixed {
    async fn step(&mut self) -> Step {
        if let Some(hold) = self.open.take() {
            return self.actor.settle(&hold).await;
        }
        match self.random.below(10) {
            0..4 => self.actor.debit().await,
            4..7 => {
                let (step, open) = self.actor.place_hold().await;
                self.open = open;
                step
            }
            7..9 => self.actor.record_usage(&mut self.body).await,
            _ => self.actor.read_balance().await,
        }
    }
}

impl Client for Mixed {
    fn acks(&self) -> Acks {
        self.actor.acks()
    }
}
