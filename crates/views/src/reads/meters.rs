//! Which meters are there, and what do they cost from when on?

use quipu_domain::MeterName;
use quipu_projections::{Meter, Meters};

use super::{Answer, Page, Scope, page, with_one_more};
use crate::{Views, ViewsError, cells};

impl Views {
    /// Meters by name.
    pub fn meters(
        &self,
        after: Option<&MeterName>,
        limit: usize,
    ) -> Result<Answer<Page<Meter, MeterName>>, ViewsError> {
        self.ask(&Meters, Scope::Catalogue, |connection, _| {
            let after = after.map_or("", MeterName::as_str);
            let rows = connection.query(
                "SELECT * FROM meter WHERE meter > $1 ORDER BY meter LIMIT $2",
                &[after.into(), with_one_more(limit)],
            )?;
            Ok(page(cells::all_typed(&rows)?, limit, |meter: &Meter| meter.meter.clone()))
        })
    }

    /// One meter.
    pub fn meter(&self, meter: &MeterName) -> Result<Answer<Meter>, ViewsError> {
        self.ask(&Meters, Scope::Catalogue, |connection, _| {
            let rows = connection
                .query("SELECT * FROM meter WHERE meter = $1", &[meter.as_str().into()])?;
            let row = rows.first().ok_or_else(|| ViewsError::UnknownMeter(meter.clone()))?;
            cells::typed(row)
        })
    }
}
