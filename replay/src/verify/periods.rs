//! Closed periods: what each was sealed with is what the journal up to its position gives (C2).

use std::collections::{BTreeMap, HashMap};

use quipu_domain::period::{PeriodClosed, PeriodEvent, SealedBalance};
use quipu_domain::postings::{self, Account};
use quipu_domain::{Event, Position, Recorded, Timestamp};
use rust_decimal::Decimal;

const DAY_MICROS: i64 = 86_400_000_000;

/// The period that is being closed: what is sealed of it in the events before its end.
#[derive(Default)]
pub(super) struct Closing {
    parts: Vec<SealedBalance>,
    /// The first of those events.
    begun_at: Option<Position>,
}

impl Closing {
    /// Takes an event in. The end of a period gives all that it was sealed with.
    pub(super) fn event(&mut self, recorded: &Recorded) -> Option<PeriodClosed> {
        let Event::Period(event) = &recorded.event else { return None };
        self.parts.extend_from_slice(event.balances());
        self.begun_at.get_or_insert(recorded.position);
        let PeriodEvent::PeriodClosed(closed) = event else { return None };
        let Closing { parts, .. } = std::mem::take(self);
        Some(PeriodClosed { balances: parts, ..closed.clone() })
    }

    /// Where a period begins to be closed whose end has not come.
    pub(super) const fn unfinished(&self) -> Option<Position> {
        self.begun_at
    }
}

/// What moved each account over all tenants, in micro-units, by the day on which it counts. Periods
/// begin and end with days (C1).
#[derive(Default)]
pub(super) struct Movements {
    days: BTreeMap<i64, HashMap<Account, i128>>,
}

type Balances = BTreeMap<String, (i128, i128)>;

impl Movements {
    /// Takes an event in.
    pub(super) fn event(&mut self, recorded: &Recorded) {
        let Event::Wallet(event) = &recorded.event else { return };
        let day = day_of(recorded.effective_at());
        for posting in postings::of(event) {
            let accounts = self.days.entry(day).or_default();
            *accounts.entry(posting.account).or_default() += i128::from(posting.amount.micros());
        }
    }

    /// What is wrong with a sealed trial balance, if anything. `since` are the events after its
    /// position.
    pub(super) fn differs(&self, closed: &PeriodClosed, since: &[Recorded]) -> Option<String> {
        let mut unknown = Movements::default();
        since.iter().for_each(|event| unknown.event(event));
        let mut balances = self.balances(closed, 1);
        for (account, (before, closing)) in unknown.balances(closed, -1) {
            let balance = balances.entry(account).or_default();
            balance.0 += before;
            balance.1 += closing;
        }
        name_as_sealed(&mut balances, closed);
        for SealedBalance { account, opening, late, closing, .. } in &closed.balances {
            let (before, until) = balances.remove(account.as_str()).unwrap_or_default();
            if micros(opening).zip(micros(late)).map(|(a, b)| a + b) != Some(before) {
                return Some(format!("{account} did not hold {} when it began", opening + late));
            }
            if micros(closing) != Some(until) {
                return Some(format!("{account} did not hold {closing} when it was over"));
            }
        }
        let left_out = balances.into_iter().find(|(_, sums)| *sums != (0, 0));
        left_out.map(|(account, _)| format!("{account} is left out"))
    }

    /// What stood in each account when the period began and when it was over, so many times.
    fn balances(&self, closed: &PeriodClosed, times: i128) -> Balances {
        let (from, to) = (day_of(closed.from), day_of(closed.to));
        let mut balances = Balances::new();
        for (day, accounts) in self.days.range(..to) {
            for (account, amount) in accounts {
                let balance = balances.entry(account.to_string()).or_default();
                balance.1 += amount * times;
                if *day < from {
                    balance.0 += amount * times;
                }
            }
        }
        balances
    }
}

/// A meter `-`, which older books may have, was once called as the account of no meter is.
fn name_as_sealed(balances: &mut Balances, closed: &PeriodClosed) {
    let meter = "-".parse().expect("it was a name once, and is read as one");
    let [name, once] = [Some(meter), None].map(|meter| Account::Consumed(meter).to_string());
    if closed.balances.iter().any(|balance| balance.account.as_str() == name) {
        return;
    }
    if let Some((before, closing)) = balances.remove(&name) {
        let balance = balances.entry(once).or_default();
        balance.0 += before;
        balance.1 += closing;
    }
}

fn day_of(time: Timestamp) -> i64 {
    time.micros().div_euclid(DAY_MICROS)
}

fn micros(amount: &Decimal) -> Option<i128> {
    let amount = amount.normalize();
    let missing = quipu_domain::amount::SCALE.checked_sub(amount.scale())?;
    amount.mantissa().checked_mul(10_i128.pow(missing))
}
