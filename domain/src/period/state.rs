//! Periods as their events made them, and what they decide.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    BookedBalance, ClosePeriod, PeriodClosed, PeriodCommand, PeriodEvent, PeriodName,
    SealedBalance, parts,
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
    /// The period after it, while the event that closes it has not come yet.
    sealing: Option<Sealing>,
}

/// What is sealed of a period so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sealing {
    period: PeriodName,
    /// What the accounts held at its end.
    closing: BTreeMap<Label, Decimal>,
}

impl Periods {
    /// Names the shape a snapshot has; another shape gets another name.
    pub const SCHEMA: &str = "period/2";

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
        // What was read before the period was over may lack what still came to be in it.
        if period.ends_at() > close.read_from.min(now) {
            return Err(Refusal::PeriodNotOver { period, to: period.ends_at() });
        }
        if let Some(expected) = self.closed_until.filter(|until| *until != period.begins_at()) {
            return Err(Refusal::PeriodOutOfOrder { period, expected });
        }
        Ok(parts::events_of(PeriodClosed {
            period,
            from: period.begins_at(),
            to: period.ends_at(),
            known_at: close.known_at,
            root: close.root.clone(),
            balances: self.balances(close)?,
        }))
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

    /// The period whose balances are sealed in part, and not closed: its end is missing.
    #[must_use]
    pub fn unfinished(&self) -> Option<PeriodName> {
        self.sealing.as_ref().map(|sealing| sealing.period)
    }

    /// What an event makes of them.
    pub fn apply(&mut self, event: &PeriodEvent) -> Result<(), Inconsistency> {
        match event {
            PeriodEvent::BalancesSealed(part) => {
                self.check(part.period, &part.balances)?;
                self.seal(part.period, &part.balances);
                Ok(())
            }
            PeriodEvent::PeriodClosed(closed) => self.close(closed),
        }
    }

    fn close(&mut self, closed: &PeriodClosed) -> Result<(), Inconsistency> {
        let PeriodClosed { period, balances, .. } = closed;
        let (from, to) = (period.begins_at(), period.ends_at());
        if (closed.from, closed.to) != (from, to) {
            return Err(Inconsistency(format!("period {period} with other bounds")));
        }
        self.check(*period, balances)?;
        if !self.sum_with(balances).is_some_and(|sum| sum.is_zero()) {
            return Err(Inconsistency(format!("period {period} does not sum up to zero")));
        }
        self.seal(*period, balances);
        self.closing = self.sealing.take().map(|sealing| sealing.closing).unwrap_or_default();
        self.closing.retain(|_, balance| !balance.is_zero());
        self.closed.insert(*period, closed.known_at);
        self.closed_until = Some(to);
        Ok(())
    }

    /// C1, C2: the period is the next one, and its accounts come by name, each once, open with
    /// what the period before closed with, and add up.
    fn check(&self, period: PeriodName, balances: &[SealedBalance]) -> Result<(), Inconsistency> {
        if self.closed_until.is_some_and(|until| until != period.begins_at()) {
            return Err(Inconsistency(format!("period {period} leaves a gap or overlaps")));
        }
        if let Some(other) = self.unfinished().filter(|unfinished| *unfinished != period) {
            return Err(Inconsistency(format!("period {period} before the end of {other}")));
        }
        let sealed = self.sealing.as_ref().and_then(|sealing| sealing.closing.last_key_value());
        let mut last = sealed.map(|(account, _)| account);
        for SealedBalance { account, opening, late, movement, closing } in balances {
            let wrong = |what| Err(Inconsistency(format!("{account} of period {period} {what}")));
            if last >= Some(account) {
                return wrong("is not in its place by name");
            }
            let total =
                [*late, *movement].iter().try_fold(*opening, |sum, part| sum.checked_add(*part));
            if total != Some(*closing) {
                return wrong("does not add up");
            }
            let opened = self.closing.get(account).copied().unwrap_or_default();
            if self.closed_until.is_some() && *opening != opened {
                return wrong("opens otherwise");
            }
            last = Some(account);
        }
        Ok(())
    }

    /// What all accounts closed with together, those of the parts before included.
    fn sum_with(&self, balances: &[SealedBalance]) -> Option<Decimal> {
        let parts = self.sealing.iter().flat_map(|sealing| sealing.closing.values());
        let mut all = parts.chain(balances.iter().map(|balance| &balance.closing));
        all.try_fold(Decimal::ZERO, |sum, closing| sum.checked_add(*closing))
    }

    fn seal(&mut self, period: PeriodName, balances: &[SealedBalance]) {
        let sealing =
            self.sealing.get_or_insert_with(|| Sealing { period, closing: BTreeMap::new() });
        let closing = balances.iter().map(|balance| (balance.account.clone(), balance.closing));
        sealing.closing.extend(closing);
    }
}

// Services: what time it is.
aggregate!(Periods in "period": PeriodCommand => PeriodEvent, |now: Timestamp| (*now));
