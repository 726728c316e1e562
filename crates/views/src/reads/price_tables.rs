//! Which token price tables are there, and what do models cost from when on?

use quipu_domain::PriceTableName;
use quipu_projections::{PriceTable, PriceTables};

use super::{Answer, Page, Scope, page, with_one_more};
use crate::{Views, ViewsError, cells};

impl Views {
    /// Price tables by name.
    pub fn price_tables(
        &self,
        after: Option<&PriceTableName>,
        limit: usize,
    ) -> Result<Answer<Page<PriceTable, PriceTableName>>, ViewsError> {
        self.ask(&PriceTables, Scope::Catalogue, |connection, _| {
            let after = after.map_or("", PriceTableName::as_str);
            let rows = connection.query(
                "SELECT * FROM price_table WHERE price_table > $1 ORDER BY price_table LIMIT $2",
                &[after.into(), with_one_more(limit)],
            )?;
            let cursor = |table: &PriceTable| table.price_table.clone();
            Ok(page(cells::all_typed(&rows)?, limit, cursor))
        })
    }

    /// One price table.
    pub fn price_table(&self, table: &PriceTableName) -> Result<Answer<PriceTable>, ViewsError> {
        self.ask(&PriceTables, Scope::Catalogue, |connection, _| {
            let rows = connection.query(
                "SELECT * FROM price_table WHERE price_table = $1",
                &[table.as_str().into()],
            )?;
            let row = rows.first().ok_or_else(|| ViewsError::UnknownPriceTable(table.clone()))?;
            cells::typed(row)
        })
    }
}
