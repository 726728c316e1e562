//! One client of the server: what it can do, and what of it was acknowledged.

mod many;

use std::io;

use quipu_load::{Choice, Step};

use super::acknowledged::{Acknowledged, Acks};
use super::connection::{Answer, Connection};
use super::run_id::RunId;
use super::usage_body::UsageBody;

/// What a debit takes, and what a settlement charges of a hold, in millionths of a credit.
pub(super) const DEBIT_MICROS: i64 = 10_000;
const SETTLED_MICROS: i64 = 20_000;
const SETTLEMENT: &str = r#"{"amount":"0.02"}"#;

/// A client with a connection and wallets of choice.
pub(super) struct Actor {
    connection: Connection,
    run: RunId,
    /// Its number: part of the keys of its commands.
    number: usize,
    /// How many commands it has sent.
    sent: u64,
    first_wallet: usize,
    choice: Choice,
    debit: String,
    hold: String,
    commands: many::Commands,
    acks: Acks,
}

/// A hold to be settled.
pub(super) struct OpenHold {
    wallet: usize,
    /// Of its id.
    number: u64,
}

impl Actor {
    /// A client that chooses among wallets from `first_wallet` on.
    pub(super) fn new(
        connection: Connection,
        run: &RunId,
        number: usize,
        first_wallet: usize,
        choice: &Choice,
    ) -> Actor {
        let meter = run.meter();
        Actor {
            connection,
            run: run.clone(),
            number,
            sent: 0,
            first_wallet,
            choice: choice.reseeded(number as u64),
            debit: format!(r#"{{"amount":"0.01","meter":"{meter}"}}"#),
            hold: format!(r#"{{"amount":"0.03","ttl_seconds":3600,"meter":"{meter}"}}"#),
            commands: many::Commands::default(),
            acks: Acks::default(),
        }
    }

    /// What was acknowledged so far.
    pub(super) const fn acks(&self) -> Acks {
        self.acks
    }

    fn wallet(&mut self) -> usize {
        self.first_wallet + self.choice.pick()
    }

    /// Debits a wallet of choice.
    pub(super) async fn debit(&mut self) -> Step {
        let wallet = self.wallet();
        self.debit_of(wallet).await
    }

    /// Debits this wallet.
    pub(super) async fn debit_of(&mut self, wallet: usize) -> Step {
        self.sent += 1;
        let (run, number, sent) = (&self.run, self.number, self.sent);
        let path = format_args!("/v1/tenants/{}/debits", run.tenant(wallet));
        let key = format_args!("{run}-{number}-{sent}");
        let answer = self.connection.post(path, key, self.debit.as_bytes()).await;
        let expected =
            Acknowledged { debits: 1, consumed_micros: DEBIT_MICROS, ..Acknowledged::default() };
        self.acks.take(step(&answer, 1), expected)
    }

    /// Places a hold on a wallet of choice.
    pub(super) async fn place_hold(&mut self) -> (Step, Option<OpenHold>) {
        let wallet = self.wallet();
        self.sent += 1;
        let (run, number, sent) = (&self.run, self.number, self.sent);
        let path = format_args!("/v1/tenants/{}/holds", run.tenant(wallet));
        let key = format_args!("{run}-{number}-{sent}");
        let answer = self.connection.post(path, key, self.hold.as_bytes()).await;
        let placed = answer.as_ref().ok().filter(|answer| answer.is_success());
        let number = placed.and_then(|answer| OpenHold::number_of(answer.text("id")?));
        let expected = Acknowledged { holds: 1, ..Acknowledged::default() };
        let step = self.acks.take(step(&answer, 0), expected);
        (step, number.map(|number| OpenHold { wallet, number }))
    }

    /// Settles a hold for two thirds of it.
    pub(super) async fn settle(&mut self, hold: &OpenHold) -> Step {
        self.sent += 1;
        let (run, number, sent) = (&self.run, self.number, self.sent);
        let (tenant, hold) = (run.tenant(hold.wallet), hold.number);
        let path = format_args!("/v1/tenants/{tenant}/holds/hold_{hold}/settle");
        let key = format_args!("{run}-{number}-{sent}");
        let answer = self.connection.post(path, key, SETTLEMENT.as_bytes()).await;
        let expected = Acknowledged {
            settlements: 1,
            consumed_micros: SETTLED_MICROS,
            ..Acknowledged::default()
        };
        self.acks.take(step(&answer, 1), expected)
    }

    /// Records a batch of usage.
    pub(super) async fn record_usage(&mut self, body: &mut UsageBody) -> Step {
        let first_id = self.sent + 1;
        self.sent += body.records();
        let bytes = body.renew(first_id, self.first_wallet, &mut self.choice);
        let answer = self.connection.post_many("/v1/usage", bytes).await;
        let expected = Acknowledged {
            usage_records: body.records(),
            consumed_micros: body.cost_micros,
            ..Acknowledged::default()
        };
        self.acks.take(step_of_batch(&answer, body.records()), expected)
    }

    /// Reads the balance of a wallet of choice.
    pub(super) async fn read_balance(&mut self) -> Step {
        let wallet = self.wallet();
        let path = format_args!("/v1/tenants/{}/balance", self.run.tenant(wallet));
        step(&self.connection.get(path).await, 1)
    }
}

impl OpenHold {
    /// The number in a hold's id.
    fn number_of(id: &str) -> Option<u64> {
        id.strip_prefix("hold_")?.parse().ok()
    }
}

impl Acks {
    /// Counts in what a step was to do.
    fn take(&mut self, step: Step, expected: Acknowledged) -> Step {
        match &step {
            Step::Done { .. } => self.sure += expected,
            Step::Failed { .. } => self.unsure += expected,
            Step::Refused { .. } => {}
        }
        step
    }
}

/// What the answer to many at once means.
fn step_of_batch(answer: &io::Result<Answer<'_>>, operations: u64) -> Step {
    match answer {
        // Some were refused. Which of them, and so what was consumed, is not told apart.
        Ok(Answer { status: 207, .. }) => Step::Failed { why: "refused in part".into() },
        answer => step(answer, operations),
    }
}

/// What an answer means: a problem of the caller or a full queue had no effect; what became of
/// anything else is not known.
pub(super) fn step(answer: &io::Result<Answer<'_>>, operations: u64) -> Step {
    match answer {
        Ok(answer) if answer.is_success() => Step::Done { operations },
        Ok(answer) => {
            let code = answer.text("code").unwrap_or("without a code");
            let code = format!("{} {code}", answer.status);
            if answer.status < 500 || code.ends_with(" overloaded") {
                Step::Refused { code }
            } else {
                Step::Failed { why: code }
            }
        }
        Err(error) => Step::Failed { why: error.kind().to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Step {
        step(&Ok(Answer { status, body: body.as_bytes() }), 1)
    }

    #[test]
    fn only_what_surely_had_no_effect_counts_as_refused() {
        assert_eq!(answered(201, "{}"), Step::Done { operations: 1 });
        let refused = |code: &str| Step::Refused { code: code.into() };
        let poor = r#"{"code":"insufficient_credits"}"#;
        assert_eq!(answered(409, poor), refused("409 insufficient_credits"));
        assert_eq!(answered(503, r#"{"code":"overloaded"}"#), refused("503 overloaded"));
        let unknown = answered(503, r#"{"code":"outcome_unknown"}"#);
        assert_eq!(unknown, Step::Failed { why: "503 outcome_unknown".into() });
        assert!(matches!(step(&Err(io::ErrorKind::TimedOut.into()), 1), Step::Failed { .. }));
    }

    #[test]
    fn what_has_no_clear_answer_may_or_may_not_be_in_the_book() {
        let debit = Acknowledged { debits: 1, ..Acknowledged::default() };
        let mut acks = Acks::default();
        acks.take(Step::Done { operations: 1 }, debit);
        acks.take(Step::Failed { why: "timed out".into() }, debit);
        acks.take(Step::Refused { code: "409 frozen".into() }, debit);
        assert_eq!((acks.sure.debits, acks.unsure.debits), (1, 1));
    }
}
