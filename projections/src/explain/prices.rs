//! What was known of prices when a record was rated.

use quipu_domain::meter::{Meter, MeterEvent, Price};
use quipu_domain::price_table::{PriceTable, PriceTableEvent};
use quipu_domain::rating::{Working, working};
use quipu_domain::wallet::event::{Tally, Usage};
use quipu_domain::{Event, Position, PriceTableName, Recorded, Timestamp};

use crate::ProjectionError;

/// The events of a meter, and those of the price tables that it named, each in order.
#[derive(Clone, Debug, Default)]
pub struct PriceHistory {
    /// The meter's.
    pub meter: Vec<Recorded>,
    /// Its price tables'.
    pub tables: Vec<Recorded>,
}

/// How a record was rated, and by which events.
pub(super) struct Rated {
    pub(super) working: Option<Working>,
    /// The events that hold the price: the meter's, and the price table's where it names one.
    pub(super) by: Vec<(&'static str, Position)>,
}

impl PriceHistory {
    /// The price tables that the meter's prices name.
    #[must_use]
    pub fn tables_of(meter: &[Recorded]) -> Vec<PriceTableName> {
        let mut names: Vec<PriceTableName> = meter
            .iter()
            .filter_map(|event| match &event.event {
                Event::Meter(MeterEvent::MeterPriced(priced)) => match &priced.price {
                    Price::Tokens { price_table } => Some(price_table.clone()),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// How usage was rated by an event at this position, from what came before it.
    pub(super) fn rated(
        &self,
        usage: &Usage,
        tally: Option<&Tally>,
        at: Position,
    ) -> Result<Rated, ProjectionError> {
        let mut meter = Meter::default();
        let mut by = Vec::new();
        let mut defined = None;
        let mut priced: Option<(Timestamp, Position)> = None;
        for event in self.meter.iter().take_while(|event| event.position < at) {
            let Event::Meter(change) = &event.event else { continue };
            meter.apply(change).map_err(inconsistent)?;
            match change {
                MeterEvent::MeterDefined(_) => defined = Some(event.position),
                MeterEvent::MeterPriced(e) if holds(e.effective_at, usage, priced) => {
                    priced = Some((e.effective_at, event.position));
                }
                MeterEvent::MeterPriced(_) => {}
            }
        }
        let name = meter.price_table_at(usage.occurred_at);
        let mut table = PriceTable::default();
        let mut published: Option<(Timestamp, Position)> = None;
        for event in self.tables.iter().take_while(|event| event.position < at) {
            let Event::PriceTable(change) = &event.event else { continue };
            let PriceTableEvent::PricesPublished(e) = change;
            if Some(&e.table) != name {
                continue;
            }
            table.apply(change).map_err(inconsistent)?;
            if holds(e.effective_at, usage, published) {
                published = Some((e.effective_at, event.position));
            }
        }
        by.extend(published.map(|(_, position)| ("rated by the price table", position)));
        by.extend(priced.map(|(_, position)| ("rated by the meter's price", position)));
        by.extend(defined.map(|position| ("counted by the meter", position)));
        let working = working(usage, &meter, table.exists().then_some(&table), tally);
        Ok(Rated { working: working.map_err(inconsistent)?, by })
    }
}

/// Whether a price is the one that holds when the usage occurred: the latest by then, and of those
/// with the same moment the one that came last (U2).
fn holds(effective_at: Timestamp, usage: &Usage, known: Option<(Timestamp, Position)>) -> bool {
    effective_at <= usage.occurred_at && known.is_none_or(|(since, _)| since <= effective_at)
}

fn inconsistent(error: impl std::fmt::Display) -> ProjectionError {
    ProjectionError::Inconsistent(error.to_string())
}
