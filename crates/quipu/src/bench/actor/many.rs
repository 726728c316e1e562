//! Many commands in one request, each under a key of its own.

use std::fmt;
use std::io::Write as _;

use quipu_load::Step;

use super::{Actor, DEBIT_MICROS, OpenHold, SETTLED_MICROS, SETTLEMENT, step_of_batch};
use crate::bench::acknowledged::Acknowledged;
use crate::bench::run_id::RunId;

/// The body of a request, written anew into the same memory each time.
#[derive(Default)]
pub(super) struct Commands(Vec<u8>);

impl Actor {
    /// Debits so many wallets of choice.
    pub(in crate::bench) async fn debit_many(&mut self, count: u16) -> Step {
        self.commands.0.clear();
        for _ in 0..count {
            let (wallet, key) = (self.wallet(), self.next_key());
            self.commands.add(&self.run, wallet, key, "debit", None, &self.debit);
        }
        let answer = self.connection.post_many("/v1/commands", self.commands.whole()).await;
        let expected = Acknowledged {
            debits: count.into(),
            consumed_micros: i64::from(count) * DEBIT_MICROS,
            ..Acknowledged::default()
        };
        self.acks.take(step_of_batch(&answer, count.into()), expected)
    }

    /// Places so many holds on wallets of choice. What is open then is put into `open`.
    pub(in crate::bench) async fn place_many(
        &mut self,
        count: u16,
        open: &mut Vec<OpenHold>,
    ) -> Step {
        self.commands.0.clear();
        open.clear();
        for _ in 0..count {
            let (wallet, key) = (self.wallet(), self.next_key());
            self.commands.add(&self.run, wallet, key, "hold", None, &self.hold);
            open.push(OpenHold { wallet, number: 0 });
        }
        let answer = self.connection.post_many("/v1/commands", self.commands.whole()).await;
        let mut step = step_of_batch(&answer, 0);
        if let (Step::Done { .. }, Ok(answer)) = (&step, &answer) {
            // Results stand in the order of the commands.
            let mut ids = answer.texts("id");
            for hold in open.iter_mut() {
                match ids.next().and_then(OpenHold::number_of) {
                    Some(number) => hold.number = number,
                    None => step = Step::Failed { why: "a hold without an id".into() },
                }
            }
        }
        if !matches!(step, Step::Done { .. }) {
            open.clear();
        }
        let expected = Acknowledged { holds: count.into(), ..Acknowledged::default() };
        self.acks.take(step, expected)
    }

    /// Settles these holds for two thirds of them.
    pub(in crate::bench) async fn settle_many(&mut self, open: &[OpenHold]) -> Step {
        self.commands.0.clear();
        let mut expected = Acknowledged::default();
        for hold in open {
            let key = self.next_key();
            let number = Some(hold.number);
            self.commands.add(&self.run, hold.wallet, key, "settle", number, SETTLEMENT);
            expected.settlements += 1;
            expected.consumed_micros += SETTLED_MICROS;
        }
        let answer = self.connection.post_many("/v1/commands", self.commands.whole()).await;
        self.acks.take(step_of_batch(&answer, expected.settlements), expected)
    }

    /// The parts of a command's key that are its own.
    const fn next_key(&mut self) -> (usize, u64) {
        self.sent += 1;
        (self.number, self.sent)
    }
}

impl Commands {
    fn add(
        &mut self,
        run: &RunId,
        wallet: usize,
        (number, sent): (usize, u64),
        operation: &str,
        hold: Option<u64>,
        request: &str,
    ) {
        let opening = if self.0.is_empty() { '[' } else { ',' };
        let tenant = run.tenant(wallet);
        let hold = fmt::from_fn(|f| match hold {
            Some(hold) => write!(f, ",\"hold\":\"hold_{hold}\""),
            None => Ok(()),
        });
        write!(
            self.0,
            "{opening}{{\"operation\":\"{operation}\",\"tenant\":\"{tenant}\"{hold},\
             \"idempotency_key\":\"{run}-{number}-{sent}\",\"request\":{request}}}"
        )
        .expect("writing to memory does not fail");
    }

    fn whole(&mut self) -> &[u8] {
        self.0.push(b']');
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_body_is_an_array_of_commands_with_keys_of_their_own() {
        let run = RunId::of("k3f");
        let mut commands = Commands::default();
        commands.add(&run, 12, (7, 40), "hold", None, r#"{"amount":"0.03"}"#);
        commands.add(&run, 13, (7, 41), "settle", Some(9), SETTLEMENT);
        let body: Value = serde_json::from_slice(commands.whole()).unwrap();
        let (first, second) = (run.tenant(12).to_string(), run.tenant(13).to_string());
        assert_eq!(
            body,
            json!([
                {"operation": "hold", "tenant": first, "idempotency_key": "k3f-7-40",
                    "request": {"amount": "0.03"}},
                {"operation": "settle", "tenant": second, "hold": "hold_9",
                    "idempotency_key": "k3f-7-41", "request": {"amount": "0.02"}},
            ])
        );
    }
}
