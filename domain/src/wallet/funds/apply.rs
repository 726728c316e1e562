//! What events do to lots and overdraft. Every sum and every part is checked: a journal that does
//! not add up is reported, never folded.

use super::{Funds, Overdraft, Voided};
use crate::Credits;
use crate::event::Inconsistency;
use crate::wallet::event::{CreditsExpired, Draws, GrantVoided, OverdraftRepaid, Rating, Returns};
use crate::wallet::lots::{Movement, ensure};
use crate::wallet::{Lot, WalletEvent};

/// Voided grants that are remembered, so that what is refunded to them is taken back too. Those
/// of which something is held are remembered besides.
const MOST_VOIDED: usize = 1_000;

impl Funds {
    /// What an event does to lots and overdraft.
    pub(in crate::wallet) fn apply(&mut self, event: &WalletEvent) -> Result<(), Inconsistency> {
        match event {
            WalletEvent::CreditsGranted(e) => {
                ensure(self.lots.get(e.grant).is_none(), || format!("{} exists already", e.grant))?;
                self.lots.put(e.grant, &e.terms, e.amount)
            }
            WalletEvent::GrantVoided(e) => self.void(e),
            WalletEvent::CreditsExpired(e) => self.expire(e),
            WalletEvent::CreditsDebited(e) => {
                sums_to(&[&e.draws], e.amount)?;
                self.take(&e.draws)
            }
            WalletEvent::HoldPlaced(e) => {
                sums_to(&[&e.draws], e.amount)?;
                self.hold(&e.draws)
            }
            WalletEvent::HoldSettled(e) => {
                sums_to(&[&e.from_hold, &e.from_available], e.amount)?;
                self.take_held(&e.from_hold)?;
                self.take(&e.from_available)?;
                self.unhold(&e.returned)
            }
            WalletEvent::HoldReleased(e) => {
                sums_to(&[&e.returned], e.amount)?;
                self.unhold(&e.returned)
            }
            WalletEvent::HoldExpired(e) => {
                sums_to(&[&e.returned], e.amount)?;
                self.unhold(&e.returned)
            }
            WalletEvent::OverdraftRepaid(e) => self.repay(e),
            WalletEvent::OverdraftLimitSet(e) => {
                ensure(e.limit >= Credits::ZERO, || "an overdraft limit is below zero".into())?;
                self.overdraft.limit = e.limit;
                Ok(())
            }
            WalletEvent::CreditsRefunded(e) => {
                returns_sum_to(&e.returns, e.amount)?;
                self.give_back(&e.returns)
            }
            WalletEvent::UsageRecorded(e) => {
                let amount = match &e.rating {
                    Rating::Rated { amount, .. } => *amount,
                    Rating::Unpriced { .. } => Credits::ZERO,
                };
                sums_to(&[&e.draws], amount)?;
                self.take(&e.draws)
            }
            WalletEvent::UsageVoided(e) => {
                returns_sum_to(&e.returns, e.amount)?;
                self.give_back(&e.returns)
            }
            WalletEvent::UsageRated(e) => {
                let one_way = e.draws.is_empty() || e.returns.is_empty();
                ensure(one_way, || format!("{} both charges and returns", e.entry))?;
                self.take(&e.draws)?;
                self.give_back(&e.returns)
            }
            WalletEvent::HoldExtended(_)
            | WalletEvent::WalletFrozen(_)
            | WalletEvent::WalletUnfrozen(_) => Ok(()),
        }
    }

    /// Consumed at once.
    fn take(&mut self, draws: &Draws) -> Result<(), Inconsistency> {
        self.shift_all(draws, Movement::Spend)?;
        self.overdraft.change(draws.overdraft, Credits::ZERO)
    }

    /// Reserved by a hold (W6).
    fn hold(&mut self, draws: &Draws) -> Result<(), Inconsistency> {
        self.shift_all(draws, Movement::Hold)?;
        self.overdraft.change(draws.overdraft, draws.overdraft)?;
        let held = self.lots.held().plus(self.overdraft.reserved);
        ensure(held.is_ok(), || "M3: holds pass the limit together".into())
    }

    /// A hold's part is consumed (W8).
    fn take_held(&mut self, draws: &Draws) -> Result<(), Inconsistency> {
        self.shift_all(draws, Movement::SpendHeld)?;
        self.overdraft.change(Credits::ZERO, draws.overdraft.negated())
    }

    /// A hold's part goes back (W7).
    fn unhold(&mut self, draws: &Draws) -> Result<(), Inconsistency> {
        self.shift_all(draws, Movement::Unhold)?;
        self.overdraft.change(draws.overdraft.negated(), draws.overdraft.negated())
    }

    /// Something comes back to where it was consumed from (W10).
    fn give_back(&mut self, returns: &Returns) -> Result<(), Inconsistency> {
        for lot in &returns.lots {
            self.lots.put(lot.grant, &lot.terms, lot.amount)?;
        }
        if let Some(lot) = &returns.new_lot {
            ensure(self.lots.get(lot.grant).is_none(), || format!("{} exists already", lot.grant))?;
            self.lots.put(lot.grant, &lot.terms, lot.amount)?;
        }
        self.overdraft.change(returns.overdraft.negated(), Credits::ZERO)
    }

    /// The free part of a lot is taken back, and whatever returns to it from now on (W11).
    fn void(&mut self, event: &GrantVoided) -> Result<(), Inconsistency> {
        let lot = self.lots.get(event.grant);
        let fits =
            lot.is_some_and(|lot| lot.free == event.amount && lot.terms.origin == event.origin);
        ensure(fits, || format!("{} is not left of {}", event.amount, event.grant))?;
        if event.amount.is_positive() {
            self.lots.shift(event.grant, event.amount, Movement::Spend)?;
        }
        self.remember_void(event);
        Ok(())
    }

    /// W11: what is held of a grant goes when it returns, however long ago it was voided. Of the
    /// others the one voided longest ago is forgotten first.
    fn remember_void(&mut self, event: &GrantVoided) {
        if self.is_voided(event.grant) {
            return;
        }
        let last = self.voided.values().map(|voided| voided.place).max();
        let place = last.map_or(0, |last| last + 1);
        self.voided.insert(event.grant, Voided { place, reason: event.reason.clone() });
        let gone = self.voided.iter().filter(|(grant, _)| self.lots.get(**grant).is_none());
        let mut gone: Vec<_> = gone.map(|(grant, voided)| (voided.place, *grant)).collect();
        gone.sort_unstable();
        for (_, grant) in gone.iter().rev().skip(MOST_VOIDED) {
            self.voided.remove(grant);
        }
    }

    /// The free part of a lot expires (W12).
    fn expire(&mut self, event: &CreditsExpired) -> Result<(), Inconsistency> {
        let fits = self.lots.get(event.grant).is_some_and(|lot| {
            lot.free == event.amount && lot.terms.expires_at == Some(event.expired_at)
        });
        ensure(fits, || format!("{} of {} do not expire then", event.amount, event.grant))?;
        self.lots.shift(event.grant, event.amount, Movement::Spend)
    }

    /// Unscoped lots repay overdraft (W5).
    fn repay(&mut self, event: &OverdraftRepaid) -> Result<(), Inconsistency> {
        let sum = Credits::sum(event.lots.iter().map(|draw| draw.amount));
        ensure(sum == Ok(event.amount), || "a repayment is not the sum of its lots".into())?;
        for draw in &event.lots {
            let unscoped = self.lots.get(draw.grant).is_some_and(Lot::is_unscoped);
            ensure(unscoped, || format!("W5: {} may not repay overdraft", draw.grant))?;
            self.lots.shift(draw.grant, draw.amount, Movement::Spend)?;
        }
        self.overdraft.change(event.amount.negated(), Credits::ZERO)
    }

    fn shift_all(&mut self, draws: &Draws, movement: Movement) -> Result<(), Inconsistency> {
        ensure(draws.overdraft >= Credits::ZERO, || "overdraft is drawn below zero".into())?;
        draws.lots.iter().try_for_each(|draw| self.lots.shift(draw.grant, draw.amount, movement))
    }
}

impl Overdraft {
    fn change(&mut self, owed: Credits, reserved: Credits) -> Result<(), Inconsistency> {
        let broken = || Inconsistency("overdraft would not stay within what is owed".into());
        let owed = self.owed.plus(owed).map_err(|_| broken())?;
        let reserved = self.reserved.plus(reserved).map_err(|_| broken())?;
        ensure(reserved >= Credits::ZERO && owed >= reserved, || broken().0)?;
        (self.owed, self.reserved) = (owed, reserved);
        Ok(())
    }
}

fn sums_to(draws: &[&Draws], amount: Credits) -> Result<(), Inconsistency> {
    let parts = draws
        .iter()
        .flat_map(|draws| draws.lots.iter().map(|draw| draw.amount).chain([draws.overdraft]));
    ensure(Credits::sum(parts) == Ok(amount), || format!("the parts of {amount} do not add up"))
}

fn returns_sum_to(returns: &Returns, amount: Credits) -> Result<(), Inconsistency> {
    let lots = returns.lots.iter().chain(&returns.new_lot).map(|lot| lot.amount);
    let sum = Credits::sum(lots.chain([returns.overdraft]));
    ensure(sum == Ok(amount), || format!("the parts of {amount} do not add up"))
}
