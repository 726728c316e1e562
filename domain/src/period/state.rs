//! Periods as their events made them, and what they decide.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    BookedBalance, ClosePeriod, PeriodClosed, PeriodCommand, PeriodEvent, PeriodName, SealedBalance,
};
use crate::aggregate::aggregate;
use crate::event::Inconsistency;
use crate::{Label, Position, Refusal, Timestamp};

/// All periods that were closed. They are one aggregate, so that they tile time (C1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Periods {
    /// Those that were closed, with the position that was taken into account.
    closed: BTreeMap<PeriodName, Position>,
    /// The first moment that no closed period has.
    closed_until: Option<Timestamp>,
    /// What the accounts held at the end of the last of them.
    closing: BTreeMap<Label, Decimal>,
}

impl Periods {
    /// Names the shape a snapshot has; another shape gets another name.
    pub const SCHEMA: &str = "period/1";

    /// What a command leads to.
    pub fn decide(
        &self,
        command: &PeriodCommand,
        now: Timestamp,
    ) -> Result<Vec<PeriodEvent>, Refusal> {
        let PeriodCommand::Close(close) = command;
        let period = close.period;
        if let Some(known_at) = self.closed.get(&period) {
            return Err(Refusal::PeriodClosed { period, known_at: *known_at });
        }
        if period.ends_at() > now {
            return Err(Refusal::PeriodNotOver { period, to: period.ends_at() });
        }
        if let Some(expected) = self.closed_until.filter(|until| *until != period.begins_at()) {
            return Err(Refusal::PeriodOutOfOrder { period, expected });
        }
        Ok(vec![PeriodEvent::PeriodClosed(PeriodClosed {
            period,
            from: period.begins_at(),
            to: period.ends_at(),
            known_at: close.known_at,
            root: close.root.clone(),
            balances: self.balances(close)?,
        })])
    }

    /// Each account that something stands or stood in (C2).
    fn balances(&self, close: &ClosePeriod) -> Result<Vec<SealedBalance>, Refusal> {
        let mut booked: BTreeMap<&Label, &BookedBalance> =
            close.balances.iter().map(|balance| (&balance.account, balance)).collect();
        let gone: Vec<BookedBalance> = self
            .closing
            .keys()
            .filter(|account| !booked.contains_key(account))
            .map(|account| BookedBalance {
                account: account.clone(),
                before: Decimal::ZERO,
                closing: Decimal::ZERO,
            })
            .collect();
        booked.extend(gone.iter().map(|balance| (&balance.account, balance)));
        booked.into_values().map(|balance| self.sealed(balance)).collect()
    }

    fn sealed(&self, booked: &BookedBalance) -> Result<SealedBalance, Refusal> {
        let minus = |a: Decimal, b: Decimal| a.checked_sub(b).ok_or(Refusal::AmountOutOfRange);
        let opening = match self.closed_until {
            None => booked.before,
            Some(_) => self.closing.get(&booked.account).copied().unwrap_or_default(),
        };
        Ok(SealedBalance {
            account: booked.account.clone(),
            opening: opening.normalize(),
            late: minus(booked.before, opening)?.normalize(),
            movement: minus(booked.closing, booked.before)?.normalize(),
            closing: booked.closing.normalize(),
        })
    }

    /// What an event makes of them.
    pub fn apply(&mut self, event: &PeriodEvent) -> Result<(), Inconsistency> {
        let PeriodEvent::PeriodClosed(closed) = event;
        let period = closed.period;
        if (closed.from, closed.to) != (period.begins_at(), period.ends_at()) {
            return Err(Inconsistency(format!("period {period} with other bounds")));
        }
        if self.closed_until.is_some_and(|until| until != closed.from) {
            return Err(Inconsistency(format!("period {period} leaves a gap or overlaps")));
        }
        let mut sum = Decimal::ZERO;
        let mut closing = BTreeMap::new();
        for balance in &closed.balances {
            let SealedBalance { account, opening, late, movement, .. } = balance;
            let total =
                [*late, *movement].iter().try_fold(*opening, |sum, part| sum.checked_add(*part));
            if total != Some(balance.closing) {
                return Err(Inconsistency(format!("{account} of period {period} does not add up")));
            }
            let opened = self.closing.get(account).copied().unwrap_or_default();
            if self.closed_until.is_some() && *opening != opened {
                return Err(Inconsistency(format!("{account} of period {period} opens otherwise")));
            }
            sum = sum.checked_add(balance.closing).unwrap_or(Decimal::MAX);
            closing.insert(account.clone(), balance.closing);
        }
        if !sum.is_zero() {
            return Err(Inconsistency(format!("period {period} does not sum up to zero")));
        }
        closing.retain(|_, balance| !balance.is_zero());
        self.closed.insert(period, closed.known_at);
        self.closed_until = Some(closed.to);
        self.closing = closing;
        Ok(())
    }
}

// Services: what time it is.
aggregate!(Periods in "period": PeriodCommand => PeriodEvent, |now: Timestamp| (*now));
