//! Open holds, and the ones that ran out lately and may still be settled late (W6-W9).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::WalletEvent;
use super::event::{Attribution, Draw, Draws, HoldSettled, Overage};
use super::lots::ensure;
use crate::event::Inconsistency;
use crate::{Credits, GrantId, HoldId, MeterName, Timestamp};

/// W9: for so long after it expired a hold can still be settled.
const LATE_SETTLEMENT_SECONDS: i64 = 300;
/// For so long an expired hold is remembered, to be told from one that never was.
const MEMORY_SECONDS: i64 = 30 * 86_400;
/// And at most so many of those that cannot be settled any more.
const MOST_REMEMBERED: usize = 1_000;

/// An open hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Its id.
    pub hold: HoldId,
    /// What is reserved.
    pub amount: Credits,
    /// Where from.
    pub draws: Draws,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// What a larger settlement does.
    pub overage: Overage,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<MeterName>,
    /// Who and what it is attributed to.
    #[serde(default, skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
}

/// A hold that ran out lately. Its credits went back then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpiredHold {
    /// Its id.
    pub hold: HoldId,
    /// What was reserved.
    pub amount: Credits,
    /// When it ran out.
    pub expired_at: Timestamp,
    /// What a larger settlement does.
    pub overage: Overage,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<MeterName>,
    /// Who and what it is attributed to.
    #[serde(default, skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
}

impl ExpiredHold {
    /// W9: until when it can be settled, unless that is over.
    pub(super) fn settle_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.expired_at.plus_seconds(LATE_SETTLEMENT_SECONDS);
        (now <= until).then_some(until)
    }
}

/// All of a wallet's holds that a decision can still need.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredHolds", into = "StoredHolds")]
pub(super) struct Holds {
    open: BTreeMap<HoldId, Hold>,
    expiries: BTreeSet<(Timestamp, HoldId)>,
    expired: BTreeMap<HoldId, ExpiredHold>,
    /// The expired ones by age, for forgetting.
    expired_by_age: BTreeSet<(Timestamp, HoldId)>,
}

/// The holds without the indexes that follow from them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredHolds {
    open: Vec<Hold>,
    expired: Vec<ExpiredHold>,
}

impl From<Holds> for StoredHolds {
    fn from(holds: Holds) -> StoredHolds {
        StoredHolds {
            open: holds.open.into_values().collect(),
            expired: holds.expired.into_values().collect(),
        }
    }
}

impl From<StoredHolds> for Holds {
    fn from(stored: StoredHolds) -> Holds {
        Holds {
            expiries: stored.open.iter().map(|hold| (hold.expires_at, hold.hold)).collect(),
            open: stored.open.into_iter().map(|hold| (hold.hold, hold)).collect(),
            expired_by_age: stored.expired.iter().map(|h| (h.expired_at, h.hold)).collect(),
            expired: stored.expired.into_iter().map(|hold| (hold.hold, hold)).collect(),
        }
    }
}

impl Holds {
    pub(super) fn open(&self) -> impl Iterator<Item = &Hold> {
        self.open.values()
    }

    pub(super) fn get(&self, hold: HoldId) -> Option<&Hold> {
        self.open.get(&hold)
    }

    /// A hold that ran out and is still remembered.
    pub(super) fn get_expired(&self, hold: HoldId) -> Option<&ExpiredHold> {
        self.expired.get(&hold)
    }

    /// When the next one runs out.
    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Those that have run out by now, the first one first.
    pub(super) fn run_out_by(&self, now: Timestamp) -> impl Iterator<Item = &Hold> {
        let due = self.expiries.iter().take_while(move |(at, _)| *at <= now);
        due.filter_map(|(_, hold)| self.open.get(hold))
    }

    /// What an event does to the holds.
    pub(super) fn apply(&mut self, event: &WalletEvent) -> Result<(), Inconsistency> {
        match event {
            WalletEvent::HoldPlaced(e) => {
                ensure(!self.open.contains_key(&e.hold), || format!("{} is open already", e.hold))?;
                self.expiries.insert((e.expires_at, e.hold));
                let hold = Hold {
                    hold: e.hold,
                    amount: e.amount,
                    draws: e.draws.clone(),
                    expires_at: e.expires_at,
                    overage: e.overage,
                    meter: e.meter.clone(),
                    attribution: e.attribution.clone(),
                };
                self.open.insert(e.hold, hold);
            }
            WalletEvent::HoldExtended(e) => {
                let hold = self.open.get_mut(&e.hold).ok_or_else(|| not_open(e.hold))?;
                self.expiries.remove(&(hold.expires_at, e.hold));
                hold.expires_at = e.expires_at;
                self.expiries.insert((e.expires_at, e.hold));
            }
            WalletEvent::HoldSettled(e) if e.late => {
                let fits = e.from_hold.is_empty() && e.returned.is_empty();
                ensure(fits, || format!("{} had nothing held any more", e.hold))?;
                let expired = self.expired.remove(&e.hold).ok_or_else(|| not_open(e.hold))?;
                self.expired_by_age.remove(&(expired.expired_at, e.hold));
            }
            WalletEvent::HoldSettled(e) => {
                let hold = self.close(e.hold)?;
                ensure(settles(e, &hold.draws), || format!("{} is not settled whole", e.hold))?;
            }
            WalletEvent::HoldReleased(e) => {
                let hold = self.close(e.hold)?;
                ensure(hold.draws == e.returned, || format!("{} is not returned whole", e.hold))?;
            }
            WalletEvent::HoldExpired(e) => {
                let hold = self.close(e.hold)?;
                let fits = hold.draws == e.returned && hold.expires_at == e.expired_at;
                ensure(fits, || format!("{} does not expire so", e.hold))?;
                self.remember(hold);
            }
            _ => {}
        }
        Ok(())
    }

    /// W7: a hold ends exactly once.
    fn close(&mut self, hold: HoldId) -> Result<Hold, Inconsistency> {
        let hold = self.open.remove(&hold).ok_or_else(|| not_open(hold))?;
        self.expiries.remove(&(hold.expires_at, hold.hold));
        Ok(hold)
    }

    /// Forgetting depends on event data alone, so that every replay forgets the same. W9: it is as
    /// late as this expiry, or later, so what was in its grace then may still be settled.
    fn remember(&mut self, hold: Hold) {
        let expired_at = hold.expires_at;
        self.expired_by_age.insert((expired_at, hold.hold));
        self.expired.insert(
            hold.hold,
            ExpiredHold {
                hold: hold.hold,
                amount: hold.amount,
                expired_at,
                overage: hold.overage,
                meter: hold.meter,
                attribution: hold.attribution,
            },
        );
        let oldest = expired_at.plus_seconds(-MEMORY_SECONDS);
        let oldest_in_grace = expired_at.plus_seconds(-LATE_SETTLEMENT_SECONDS);
        while let Some((at, hold)) = self.expired_by_age.first().copied() {
            let too_many = self.expired_by_age.len() > MOST_REMEMBERED && at < oldest_in_grace;
            if at >= oldest && !too_many {
                break;
            }
            self.expired_by_age.pop_first();
            self.expired.remove(&hold);
        }
    }
}

fn not_open(hold: HoldId) -> Inconsistency {
    Inconsistency(format!("W7: {hold} is not open"))
}

/// Whether what a settlement charges and returns is, lot by lot, what was held.
fn settles(settled: &HoldSettled, held: &Draws) -> bool {
    let mut parts: BTreeMap<GrantId, i64> = BTreeMap::new();
    let mut count = |draws: &[Draw], sign: i64| {
        for draw in draws {
            *parts.entry(draw.grant).or_default() += sign * draw.amount.micros();
        }
    };
    count(&settled.from_hold.lots, 1);
    count(&settled.returned.lots, 1);
    count(&held.lots, -1);
    parts.values().all(|difference| *difference == 0)
        && settled.from_hold.overdraft.plus(settled.returned.overdraft) == Ok(held.overdraft)
}
