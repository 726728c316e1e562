//! Which token price tables are there, and what do models cost from when on?

use std::sync::Arc;

use quipu_domain::price_table::{PriceTableEvent, PricesPublished};
use quipu_domain::{Event, Position, PriceTableName, Recorded, Timestamp};

use crate::json::{dated, json};
use crate::table::table;
use crate::{Projection, ProjectionError, Rows};

table! {
    /// One price table of the catalogue.
    PriceTable in "price_table"
    key PriceTableKey {
        /// Its name.
        price_table: PriceTableName,
    }
    columns {
        /// Its prices by `effective_at`: a JSON array of what was published.
        publications: Arc<str>,
        /// When it was first published.
        published_at: Timestamp,
        /// When it last changed.
        changed_at: Timestamp,
        /// Its last event.
        position: Position,
    }
}

/// Which token price tables are there, and what do models cost from when on?
#[derive(Clone, Copy, Debug)]
pub struct PriceTables;

impl Projection for PriceTables {
    fn name(&self) -> &'static str {
        "price_tables"
    }

    fn version(&self) -> u32 {
        1
    }

    fn question(&self) -> &'static str {
        "Which token price tables are there, and what do models cost from when on?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<PriceTable>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        if let Event::PriceTable(PriceTableEvent::PricesPublished(published)) = &event.event {
            rows.want::<PriceTable>(PriceTableKey { price_table: published.table.clone() });
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Event::PriceTable(PriceTableEvent::PricesPublished(published)) = &event.event else {
            return Ok(());
        };
        let key = PriceTableKey { price_table: published.table.clone() };
        let row = rows.edit_or::<PriceTable>(&key, || PriceTable {
            price_table: key.price_table.clone(),
            publications: json::<[PricesPublished]>(&[]),
            published_at: event.recorded_at,
            changed_at: event.recorded_at,
            position: event.position,
        })?;
        let effective_at = |prices: &PricesPublished| prices.effective_at;
        row.publications = dated(&row.publications, published, effective_at)?;
        row.changed_at = event.recorded_at;
        row.position = event.position;
        Ok(())
    }
}
