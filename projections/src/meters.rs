//! Which meters are there, and what do they cost from when on?

use std::sync::Arc;

use quipu_domain::meter::{Aggregation, MeterEvent, MeterPriced};
use quipu_domain::{Event, Label, MeterName, Position, Recorded, Timestamp};

use crate::cell::named_field;
use crate::json::{dated, json};
use crate::table::table;
use crate::{Projection, ProjectionError, Rows, movement};

named_field!(Aggregation {
    Aggregation::Count = "count",
    Aggregation::Sum = "sum",
    Aggregation::Max = "max",
    Aggregation::UniqueCount = "unique_count",
    Aggregation::Latest = "latest",
});

table! {
    /// One meter of the catalogue.
    Meter in "meter"
    key MeterKey {
        /// Its name.
        meter: MeterName,
    }
    columns {
        /// How records add up within a period.
        aggregation: Aggregation,
        /// What one is called, for people.
        unit: Option<Label>,
        /// What happens to usage without a price: a JSON object (U3).
        unpriced: Arc<str>,
        /// Its prices by `effective_at`: a JSON array of what was published.
        prices: Arc<str>,
        /// When it was defined.
        defined_at: Timestamp,
        /// When it last changed.
        changed_at: Timestamp,
        /// Its last event.
        position: Position,
    }
}

/// Which meters are there, and what do they cost from when on?
#[derive(Clone, Copy, Debug)]
pub struct Meters;

impl Projection for Meters {
    fn name(&self) -> &'static str {
        "meters"
    }

    fn version(&self) -> u32 {
        1
    }

    fn question(&self) -> &'static str {
        "Which meters are there, and what do they cost from when on?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<Meter>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        if let (Event::Meter(_), Ok(meter)) = (&event.event, movement::name_in(&event.stream)) {
            rows.want::<Meter>(MeterKey { meter });
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Event::Meter(change) = &event.event else { return Ok(()) };
        match change {
            MeterEvent::MeterDefined(defined) => rows.put(Meter {
                meter: defined.meter.clone(),
                aggregation: defined.aggregation,
                unit: defined.unit.clone(),
                unpriced: json(&defined.unpriced),
                prices: json::<[MeterPriced]>(&[]),
                defined_at: event.recorded_at,
                changed_at: event.recorded_at,
                position: event.position,
            }),
            MeterEvent::MeterPriced(priced) => {
                let key = MeterKey { meter: movement::name_in(&event.stream)? };
                let row = rows.edit::<Meter>(&key)?;
                row.prices = dated(&row.prices, priced, |price: &MeterPriced| price.effective_at)?;
                row.changed_at = event.recorded_at;
                row.position = event.position;
            }
        }
        Ok(())
    }
}
