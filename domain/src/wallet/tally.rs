//! Running totals of meters whose price depends on the period's total (U2).

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::WalletEvent;
use super::event::{Tally, Usage, UsageVoided};
use super::lots::ensure;
use crate::amount::AmountError;
use crate::event::Inconsistency;
use crate::{Credits, EntryId, Label, MeterName, Refusal, Timestamp};

/// Periods that are kept for a meter.
const MOST_PERIODS: usize = 24;
/// Different values that a unique count can count in a period.
pub(super) const MOST_VALUES: usize = 10_000;

/// What was used of one meter in one period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeriodTotal {
    /// The line that began it: records before that were recorded when there was no total.
    pub(super) begun: EntryId,
    /// The aggregated quantity.
    pub(super) quantity: Decimal,
    /// What is left over, by the line after which it is: the last record leaves some, and one that
    /// is rated again more or less than before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    carries: BTreeMap<EntryId, Credits>,
    /// By how much the total before a record differs from what its step says, because others left
    /// it since or came back: the sum up to its place in the total.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    moves: BTreeMap<EntryId, Decimal>,
    /// When the record occurred that counts, for `latest`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) latest_at: Option<Timestamp>,
    /// Digests of the values a unique count has counted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    values: BTreeSet<u64>,
}

impl PeriodTotal {
    const fn begun_by(line: EntryId) -> PeriodTotal {
        PeriodTotal {
            begun: line,
            quantity: Decimal::ZERO,
            carries: BTreeMap::new(),
            moves: BTreeMap::new(),
            latest_at: None,
            values: BTreeSet::new(),
        }
    }

    /// What all records left over.
    pub(super) fn carry(&self) -> Result<Credits, AmountError> {
        Credits::sum(self.carries.values().copied())
    }

    /// What is left over before this place in the total.
    pub(super) fn carry_before(&self, place: EntryId) -> Result<Credits, AmountError> {
        Credits::sum(self.carries.range(..place).map(|(_, carry)| *carry))
    }

    /// A record takes what is left over before its place, and leaves this.
    fn carry_on(&mut self, place: EntryId, amount: Credits) -> Result<(), Inconsistency> {
        self.carries.retain(|before, _| *before >= place);
        self.leave(place, amount)
    }

    /// By how much the total before this place differs from what the step there says.
    pub(super) fn moved_before(&self, place: EntryId) -> Decimal {
        self.moves.range(..=place).map(|(_, quantity)| *quantity).sum()
    }

    /// The record at this place has its step of the total as it is now, and puts this much more in.
    fn move_on(&mut self, place: EntryId, quantity: Decimal) {
        let since = self.moved_before(place);
        self.shift(place, -since);
        self.shift(EntryId(place.position().plus(1)), since + quantity);
        self.quantity += quantity;
    }

    /// From this place on the total is this much more than the steps say.
    fn shift(&mut self, place: EntryId, quantity: Decimal) {
        let moved = self.moves.remove(&place).unwrap_or_default() + quantity;
        if !moved.is_zero() {
            self.moves.insert(place, moved);
        }
    }

    /// This much more is left over after this place.
    fn leave(&mut self, place: EntryId, amount: Credits) -> Result<(), Inconsistency> {
        let left = self.carries.remove(&place).unwrap_or_default().plus(amount);
        let left = left.map_err(|error| Inconsistency(error.to_string()))?;
        if !left.is_zero() {
            self.carries.insert(place, left);
        }
        Ok(())
    }

    /// Whether a unique count has counted the value.
    pub(super) fn has_counted(&self, value: &Label) -> bool {
        self.values.contains(&digest(value))
    }

    /// Whether a unique count can take no further value.
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

    /// Whether the meter has any.
    pub(super) fn has(&self, meter: &MeterName) -> bool {
        self.0.contains_key(meter)
    }

    /// U2: whether a period's total is kept, or would be. What an older one has used up of its tiers
    /// and packages, and what it carries, is not known any more.
    pub(super) fn keep(&self, usage: &Usage, period: Timestamp) -> Result<(), Refusal> {
        let periods = self.0.get(&usage.meter).filter(|periods| periods.len() >= MOST_PERIODS);
        match periods.and_then(BTreeMap::first_key_value) {
            Some((earliest, _)) if period < *earliest => {
                Err(Refusal::TooFarBack { at: usage.occurred_at, earliest: *earliest })
            }
            _ => Ok(()),
        }
    }

    /// What an event does to the totals.
    pub(super) fn apply(&mut self, event: &WalletEvent) -> Result<(), Inconsistency> {
        match event {
            WalletEvent::UsageRecorded(e) => self.count(&e.usage.meter, e.entry, e.tally.as_ref()),
            WalletEvent::UsageRated(e) => match (&e.tally, &e.carried_on) {
                (Some(tally), Some(on)) => self.change(&e.meter, tally.period, e.entry, |total| {
                    total.move_on(on.place, on.quantity);
                    total.carry_on(on.place, on.amount)
                }),
                (tally, _) => self.count(&e.meter, e.entry, tally.as_ref()),
            },
            WalletEvent::UsageVoided(UsageVoided {
                entry,
                meter,
                carried_back: Some(back),
                ..
            }) => {
                let period = self.0.get_mut(meter).and_then(|m| m.get_mut(&back.period));
                period.map_or(Ok(()), |total| total.leave(*entry, back.amount))
            }
            _ => Ok(()),
        }
    }

    fn count(
        &mut self,
        meter: &MeterName,
        entry: EntryId,
        tally: Option<&Tally>,
    ) -> Result<(), Inconsistency> {
        let Some(tally) = tally else { return Ok(()) };
        self.change(meter, tally.period, entry, |total| {
            ensure(total.quantity == tally.previous, || {
                format!("{meter} stood at {}, not at {}", total.quantity, tally.previous)
            })?;
            total.shift(entry, -total.moved_before(entry));
            total.quantity = tally.quantity;
            total.carry_on(entry, tally.carry)?;
            total.latest_at = tally.latest_at.or(total.latest_at);
            total.values.extend(tally.counted.as_ref().map(digest));
            Ok(())
        })
    }

    /// Changes a total, which the line begins if there is none. One that is older than those that
    /// are kept is given up at once.
    fn change(
        &mut self,
        meter: &MeterName,
        period: Timestamp,
        line: EntryId,
        change: impl FnOnce(&mut PeriodTotal) -> Result<(), Inconsistency>,
    ) -> Result<(), Inconsistency> {
        if !self.0.contains_key(meter) {
            self.0.insert(meter.clone(), BTreeMap::new());
        }
        let Some(periods) = self.0.get_mut(meter) else { return Ok(()) };
        change(periods.entry(period).or_insert_with(|| PeriodTotal::begun_by(line)))?;
        if periods.len() > MOST_PERIODS {
            periods.pop_first();
        }
        Ok(())
    }
}
