//! Lots and overdraft together: what can be drawn, from where, and what follows from credits
//! that come back (W2-W5, W7, W11).

mod apply;
mod consequences;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::{Draw, Draws};
use super::lots::Lots;
use crate::{Credits, GrantId, MeterName, Personal, Refusal, Timestamp};

/// What the wallet has and owes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Funds {
    pub(super) lots: Lots,
    pub(super) overdraft: Overdraft,
    /// Grants that were voided; what returns to them goes too (W11).
    voided: BTreeMap<GrantId, Voided>,
}

/// A voided grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Voided {
    /// Its place among those that are remembered: the lower, the longer ago.
    place: u64,
    reason: Personal,
}

/// What is owed (W5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Overdraft {
    /// How far below zero the wallet is, reserved part included.
    pub(super) owed: Credits,
    /// The part that open holds have reserved: nothing was consumed for it yet.
    pub(super) reserved: Credits,
    /// How far debits and holds may go.
    pub(super) limit: Credits,
}

impl Overdraft {
    /// What credits can repay: owed and not merely reserved.
    pub(super) fn repayable(&self) -> Credits {
        self.owed.minus(self.reserved).expect("both lie within the limit and none is negative")
    }
}

/// How far a draw may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Lots, then overdraft up to its limit: new work (W4, W5).
    WithinLimit,
    /// Lots, then overdraft beyond its limit: work that is done already (W8).
    BeyondLimit,
}

impl Funds {
    /// What lots can pay for this work now, overdraft not counted (W3).
    pub(super) fn in_lots(&self, meter: Option<&MeterName>, now: Timestamp) -> Credits {
        let free = self
            .lots
            .in_burn_order()
            .filter(|lot| lot.free.is_positive() && lot.is_current(now) && lot.may_pay_for(meter));
        Credits::sum(free.map(|lot| lot.free)).expect("M3: all lots together are within the limit")
    }

    /// What new work may spend now: lots, and what is left of the overdraft limit (W5). What is
    /// owed beyond the limit counts against the lots: it is repaid before new work.
    pub(super) fn spendable(&self, meter: Option<&MeterName>, now: Timestamp) -> Credits {
        let micros = self.in_lots(meter, now).micros() + self.overdraft.limit.micros()
            - self.overdraft.owed.micros();
        Credits::from_micros(micros.max(0)).unwrap_or(Credits::MAX)
    }

    /// Chooses what pays, in burn order (W2).
    pub(super) fn draw(
        &self,
        amount: Credits,
        meter: Option<&MeterName>,
        now: Timestamp,
        reach: Reach,
    ) -> Result<Draws, Refusal> {
        let mut draws = Draws::default();
        let mut missing = amount;
        for lot in self.lots.in_burn_order() {
            if missing.is_zero() {
                break;
            }
            if lot.free.is_positive() && lot.is_current(now) && lot.may_pay_for(meter) {
                let part = missing.min(lot.free);
                draws.lots.push(Draw { grant: lot.grant, amount: part });
                missing = missing.minus(part).map_err(|_| Refusal::AmountOutOfRange)?;
            }
        }
        let Overdraft { owed, limit, .. } = self.overdraft;
        let owed_after = owed.plus(missing);
        let covered = match reach {
            Reach::BeyondLimit => true,
            Reach::WithinLimit if owed <= limit => owed_after.is_ok_and(|after| after <= limit),
            Reach::WithinLimit => amount <= self.spendable(meter, now),
        };
        if !covered {
            return Err(self.insufficient(amount, meter, now));
        }
        owed_after.map_err(|_| Refusal::AmountOutOfRange)?;
        draws.overdraft = missing;
        Ok(draws)
    }

    /// W4, with every number the caller needs to see why.
    pub(super) fn insufficient(
        &self,
        needed: Credits,
        meter: Option<&MeterName>,
        now: Timestamp,
    ) -> Refusal {
        let upcoming = self.lots.in_burn_order().filter(|lot| {
            lot.free.is_positive() && lot.terms.effective_at > now && lot.may_pay_for(meter)
        });
        Refusal::InsufficientCredits {
            needed,
            spendable: self.spendable(meter, now),
            available: self.in_lots(meter, now),
            held: self.held(),
            overdraft: self.overdraft.owed,
            overdraft_limit: self.overdraft.limit,
            next_grant_at: upcoming.map(|lot| lot.terms.effective_at).min(),
        }
    }

    /// What open holds have reserved: of lots, and of the overdraft.
    pub(super) fn held(&self) -> Credits {
        self.lots
            .held()
            .plus(self.overdraft.reserved)
            .expect("M3: a hold is taken only where all of them stay within the limit")
    }
}
