//! The lots of a wallet in burn order, with what is needed to find one and to know what is due.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::event::LotTerms;
use super::lot::{BurnKey, Lot};
use crate::event::Inconsistency;
use crate::{Credits, GrantId, Timestamp};

/// Lots that hold anything. Everything but `by_order` is an index over it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lots {
    by_order: BTreeMap<BurnKey, Lot>,
    keys: BTreeMap<GrantId, BurnKey>,
    /// When lots with something free expire.
    expiries: BTreeSet<(Timestamp, GrantId)>,
    /// From when unscoped lots with something free may repay overdraft (W5).
    beginnings: BTreeSet<(Timestamp, GrantId)>,
    free: Credits,
    held: Credits,
}

/// How an amount moves at one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Movement {
    /// Out of the free part: consumed, expired, voided, repaid.
    Spend,
    /// From free to held.
    Hold,
    /// From held back to free.
    Unhold,
    /// Out of the held part: settled.
    SpendHeld,
}

impl Lots {
    pub(super) fn in_burn_order(&self) -> impl Iterator<Item = &Lot> {
        self.by_order.values()
    }

    pub(super) fn get(&self, grant: GrantId) -> Option<&Lot> {
        self.keys.get(&grant).and_then(|key| self.by_order.get(key))
    }

    /// What is held of all lots together.
    pub(super) const fn held(&self) -> Credits {
        self.held
    }

    /// The lot whose free part expires first.
    pub(super) fn next_expiry(&self) -> Option<(Timestamp, GrantId)> {
        self.expiries.first().copied()
    }

    /// When the first unscoped lot with something free becomes effective.
    pub(super) fn next_beginning(&self) -> Option<Timestamp> {
        self.beginnings.first().map(|(at, _)| *at)
    }

    /// Credits come in: as a new lot, or back to one, which lives again if it was used up.
    pub(super) fn put(
        &mut self,
        grant: GrantId,
        terms: &LotTerms,
        amount: Credits,
    ) -> Result<(), Inconsistency> {
        ensure(amount.is_positive(), || format!("{grant} would get {amount}"))?;
        let total = self.free.plus(self.held).and_then(|total| total.plus(amount));
        ensure(total.is_ok(), || {
            format!("M3: with {amount} in {grant} the wallet passes its limit")
        })?;
        let key = BurnKey::of(grant, terms);
        match self.keys.get(&grant) {
            Some(known) => {
                let same = *known == key
                    && self.by_order.get(known).is_some_and(|lot| lot.terms == *terms);
                ensure(same, || format!("{grant} has other terms"))?;
            }
            None => {
                let lot =
                    Lot { grant, terms: terms.clone(), free: Credits::ZERO, held: Credits::ZERO };
                self.by_order.insert(key, lot);
                self.keys.insert(grant, key);
            }
        }
        self.change(grant, amount, Credits::ZERO)
    }

    /// Moves an amount at a lot; a lot that holds nothing any more leaves.
    pub(super) fn shift(
        &mut self,
        grant: GrantId,
        amount: Credits,
        movement: Movement,
    ) -> Result<(), Inconsistency> {
        ensure(amount.is_positive(), || format!("{amount} would move at {grant}"))?;
        let (free, held) = match movement {
            Movement::Spend => (amount.negated(), Credits::ZERO),
            Movement::Hold => (amount.negated(), amount),
            Movement::Unhold => (amount, amount.negated()),
            Movement::SpendHeld => (Credits::ZERO, amount.negated()),
        };
        self.change(grant, free, held)
    }

    fn change(
        &mut self,
        grant: GrantId,
        free: Credits,
        held: Credits,
    ) -> Result<(), Inconsistency> {
        let broken = || Inconsistency(format!("{grant} does not have that much"));
        let key = *self.keys.get(&grant).ok_or_else(broken)?;
        let lot = self.by_order.get_mut(&key).ok_or_else(broken)?;
        let was_free = lot.free.is_positive();
        let (new_free, new_held) = match (lot.free.plus(free), lot.held.plus(held)) {
            (Ok(free), Ok(held)) if free >= Credits::ZERO && held >= Credits::ZERO => (free, held),
            _ => return Err(broken()),
        };
        self.free = self.free.plus(free).map_err(|_| broken())?;
        self.held = self.held.plus(held).map_err(|_| broken())?;
        (lot.free, lot.held) = (new_free, new_held);
        if was_free != new_free.is_positive() {
            let expiry = lot.terms.expires_at.map(|at| (at, grant));
            let beginning = lot.is_unscoped().then_some((lot.terms.effective_at, grant));
            if was_free {
                expiry.map(|entry| self.expiries.remove(&entry));
                beginning.map(|entry| self.beginnings.remove(&entry));
            } else {
                self.expiries.extend(expiry);
                self.beginnings.extend(beginning);
            }
        }
        if new_free.is_zero() && new_held.is_zero() {
            self.by_order.remove(&key);
            self.keys.remove(&grant);
        }
        Ok(())
    }

    fn load(lots: Vec<Lot>) -> Result<Lots, Inconsistency> {
        let mut loaded = Lots::default();
        for lot in lots {
            let total = lot.free.plus(lot.held);
            let total = total.map_err(|error| Inconsistency(format!("{}: {error}", lot.grant)))?;
            loaded.put(lot.grant, &lot.terms, total)?;
            if !lot.held.is_zero() {
                loaded.shift(lot.grant, lot.held, Movement::Hold)?;
            }
        }
        Ok(loaded)
    }
}

/// Only the lots themselves are written; the indexes follow from them.
impl Serialize for Lots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.by_order.values())
    }
}

impl<'de> Deserialize<'de> for Lots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Lots, D::Error> {
        Lots::load(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An invariant that an event relies on.
pub(super) fn ensure(holds: bool, broken: impl FnOnce() -> String) -> Result<(), Inconsistency> {
    if holds { Ok(()) } else { Err(Inconsistency(broken())) }
}
