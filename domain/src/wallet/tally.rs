//! Running totals of meters whose price depends on the period's total (U2).

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::WalletEvent;
use super::event::Tally;
use super::lots::ensure;
use crate::event::Inconsistency;
use crate::{Credits, Label, MeterName, Timestamp};

/// Periods that are kept for a meter.
const MOST_PERIODS: usize = 24;
/// Different values that a unique count can count in a period.
pub(super) const MOST_VALUES: usize = 10_000;

/// What was used of one meter in one period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeriodTotal {
    /// The aggregated quantity.
    pub(super) quantity: Decimal,
    /// What a falling total price left over, zero or below.
    pub(super) carry: Credits,
    /// When the record occurred that counts, for `latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) latest_at: Option<Timestamp>,
    /// Digests of the values a unique count has counted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    values: BTreeSet<u64>,
}

impl PeriodTotal {
    /// Whether a unique count has counted the value.
    pub(super) fn has_counted(&self, value: &Label) -> bool {
        self.values.contains(&digest(value))
    }

    /// Whether a unique count has room for another value.
    pub(super) fn is_full(&self) -> bool {
        self.values.len() >= MOST_VALUES
    }
}

/// The first eight bytes of SHA-256: the same on every machine and in every version.
fn digest(value: &Label) -> u64 {
    Sha256::digest(value.as_str())
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Totals by meter and first moment of the period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Tallies(BTreeMap<MeterName, BTreeMap<Timestamp, PeriodTotal>>);

impl Tallies {
    pub(super) fn get(&self, meter: &MeterName, period: Timestamp) -> Option<&PeriodTotal> {
        self.0.get(meter)?.get(&period)
    }

    /// What an event does to the totals.
    pub(super) fn apply(&mut self, event: &WalletEvent) -> Result<(), Inconsistency> {
        match event {
            WalletEvent::UsageRecorded(e) => self.count(&e.usage.meter, e.tally.as_ref()),
            WalletEvent::UsageRated(e) => self.count(&e.meter, e.tally.as_ref()),
            _ => Ok(()),
        }
    }

    fn count(&mut self, meter: &MeterName, tally: Option<&Tally>) -> Result<(), Inconsistency> {
        let Some(tally) = tally else { return Ok(()) };
        if !self.0.contains_key(meter) {
            self.0.insert(meter.clone(), BTreeMap::new());
        }
        let Some(periods) = self.0.get_mut(meter) else { return Ok(()) };
        let total = periods.entry(tally.period).or_default();
        ensure(total.quantity == tally.previous, || {
            format!("{meter} stood at {}, not at {}", total.quantity, tally.previous)
        })?;
        total.quantity = tally.quantity;
        total.carry = tally.carry;
        total.latest_at = tally.latest_at.or(total.latest_at);
        total.values.extend(tally.counted.as_ref().map(digest));
        if periods.len() > MOST_PERIODS {
            periods.pop_first();
        }
        Ok(())
    }
}
