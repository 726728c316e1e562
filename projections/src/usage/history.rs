//! What usage reports said at any moment.

use std::collections::BTreeMap;

use quipu_domain::{Label, MeterName, Timestamp};

use super::WindowUnit;
use crate::ProjectionError;
use crate::bytes::{self, Numbers};
use crate::history::{Key, Names, Subject, Sums};
use crate::quantity::Quantity;

/// Sums of what usage was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageSums;

/// Which usage: the smallest window of a report, and what the report can be about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageKey {
    /// The hour in which it occurred.
    pub hour: Timestamp,
    /// The day of the tenant's zone; there are zones in which it begins within an hour.
    pub day: Timestamp,
    /// The month of the tenant's zone.
    pub month: Timestamp,
    /// The meter.
    pub meter: MeterName,
    /// The agent.
    pub agent: Option<Label>,
    /// The model.
    pub model: Option<Label>,
}

/// What was used, by place: see the constants of [`UsageSums`].
pub type UsageAmounts = [i128; 9];

impl UsageSums {
    /// Records, without voided ones.
    pub const RECORDS: usize = 0;
    /// Their quantities' sum: whole units.
    pub const QUANTITY_UNITS: usize = 1;
    /// And parts of 10^-12.
    pub const QUANTITY_PARTS: usize = 2;
    /// Tokens sent and not cached.
    pub const INPUT_TOKENS: usize = 3;
    /// Tokens sent and cached.
    pub const CACHED_INPUT_TOKENS: usize = 4;
    /// Tokens generated.
    pub const OUTPUT_TOKENS: usize = 5;
    /// What was charged, in micros.
    pub const COST: usize = 6;
    /// Records that have no price yet (U3).
    pub const UNPRICED: usize = 7;
    /// Records that were voided (U4).
    pub const VOIDED: usize = 8;
}

impl Subject for UsageSums {
    const TABLE: &'static str = "usage_history";
    type Key = UsageKey;
    type Amounts = UsageAmounts;

    fn normalise(amounts: &mut UsageAmounts) {
        let (units, parts) = (UsageSums::QUANTITY_UNITS, UsageSums::QUANTITY_PARTS);
        let quantity = Quantity::from_columns(amounts[units], amounts[parts]);
        (amounts[units], amounts[parts]) = (quantity.units(), quantity.parts());
    }
}

impl UsageKey {
    /// The first moment of the window of a report.
    #[must_use]
    pub const fn window_start(&self, unit: WindowUnit) -> Timestamp {
        match unit {
            WindowUnit::Hour => self.hour,
            WindowUnit::Day => self.day,
            WindowUnit::Month => self.month,
        }
    }
}

impl Sums<UsageSums> {
    /// Sums for which `group` gives the same answer, added up; `None` leaves a key out.
    pub fn grouped<G: Ord>(
        &self,
        group: impl Fn(&UsageKey) -> Option<G>,
    ) -> Result<BTreeMap<G, UsageAmounts>, ProjectionError> {
        let mut groups = BTreeMap::<G, UsageAmounts>::new();
        for (key, amounts) in self.iter() {
            let Some(group) = group(key) else { continue };
            let sum = groups.entry(group).or_default();
            for (sum, amount) in sum.iter_mut().zip(amounts) {
                let added = sum.checked_add(*amount);
                *sum = added.ok_or(ProjectionError::Overflow { what: "a usage total" })?;
            }
            UsageSums::normalise(sum);
        }
        Ok(groups)
    }
}

fn text_of(label: Option<&Label>) -> &str {
    label.map_or("", Label::as_str)
}

/// All windows begin at a whole second.
const SECOND_MICROS: i64 = 1_000_000;

impl Key for UsageKey {
    fn write(&self, names: &mut Names, bytes: &mut Vec<u8>) {
        let name =
            [self.meter.as_str(), text_of(self.agent.as_ref()), text_of(self.model.as_ref())];
        bytes::put(bytes, names.number(&name));
        let hour = self.hour.micros() / SECOND_MICROS;
        bytes::put_signed(bytes, hour);
        bytes::put_signed(bytes, self.day.micros() / SECOND_MICROS - hour);
        bytes::put_signed(bytes, self.month.micros() / SECOND_MICROS - hour);
    }

    fn read(names: &[&str], numbers: &mut Numbers<'_>) -> Option<UsageKey> {
        let mut name = names.get(usize::try_from(numbers.next()?).ok()?)?.split('\t');
        let meter = name.next()?.parse().ok()?;
        // The empty text is no label.
        let label = |text: &str| -> Option<Label> { text.parse().ok() };
        let (agent, model) = (label(name.next()?), label(name.next()?));
        let hour = numbers.next_signed()?;
        let [day, month] = [numbers.next_signed()? + hour, numbers.next_signed()? + hour];
        let moment = |seconds: i64| {
            let micros = seconds.checked_mul(SECOND_MICROS)?;
            Timestamp::from_micros(micros).ok()
        };
        let (hour, day, month) = (moment(hour)?, moment(day)?, moment(month)?);
        Some(UsageKey { hour, day, month, meter, agent, model })
    }
}
