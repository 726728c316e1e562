//! A price table as its events made it, and what it decides.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{PriceTableCommand, PriceTableEvent, PricesPublished};
use crate::aggregate::aggregate;
use crate::event::Inconsistency;
use crate::rating::{check_decimals, check_price};
use crate::{PriceTableName, Refusal, Timestamp};

/// Most decimals a markup may have: with 12 of a price and the percent's two it stays exact.
const MARKUP_DECIMALS: u32 = 4;

/// Beyond this a markup is a mistake.
const MOST_MARKUP: Decimal = Decimal::ONE_THOUSAND;

/// What models' tokens cost, every version of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceTable {
    versions: BTreeMap<Timestamp, PricesPublished>,
}

impl PriceTable {
    /// Names the shape a snapshot has; another shape gets another name.
    pub const SCHEMA: &str = "price_table/1";

    /// Whether anything was published.
    #[must_use]
    pub fn exists(&self) -> bool {
        !self.versions.is_empty()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&PriceTableName> {
        self.versions.values().next().map(|version| &version.table)
    }

    /// The prices that hold at a moment.
    #[must_use]
    pub fn prices_at(&self, at: Timestamp) -> Option<&PricesPublished> {
        self.versions.range(..=at).next_back().map(|(_, version)| version)
    }

    /// What a command leads to.
    pub fn decide(&self, command: &PriceTableCommand) -> Result<Vec<PriceTableEvent>, Refusal> {
        let PriceTableCommand::Publish(prices) = command;
        check_prices(prices).map_err(|why| Refusal::InvalidPrice { why })?;
        if !self.exists() && prices.table.is_taken() {
            let why = format!("no new table is called {:?}", prices.table.as_str());
            return Err(Refusal::InvalidPrice { why });
        }
        Ok(vec![PriceTableEvent::PricesPublished(prices.clone())])
    }

    /// What an event makes of it.
    pub fn apply(&mut self, event: &PriceTableEvent) -> Result<(), Inconsistency> {
        let PriceTableEvent::PricesPublished(prices) = event;
        if self.name().is_some_and(|name| *name != prices.table) {
            return Err(Inconsistency(format!("prices of {} in another table", prices.table)));
        }
        check_prices(prices).map_err(Inconsistency)?;
        self.versions.insert(prices.effective_at, prices.clone());
        Ok(())
    }
}

fn check_prices(prices: &PricesPublished) -> Result<(), String> {
    if prices.models.is_empty() {
        return Err("a price table needs at least one model".into());
    }
    if prices.markup_percent <= -Decimal::ONE_HUNDRED {
        return Err("a markup must be above -100 percent".into());
    }
    if prices.markup_percent > MOST_MARKUP {
        return Err(format!("a markup must be at most {MOST_MARKUP} percent"));
    }
    check_decimals(prices.markup_percent, MARKUP_DECIMALS)?;
    for (model, price) in &prices.models {
        let kinds = [Some(price.input), price.cached_input, Some(price.output)];
        for price in kinds.into_iter().flatten() {
            check_price(price).map_err(|why| format!("model {model}: {why}"))?;
        }
    }
    Ok(())
}

aggregate!(PriceTable in "price_table": PriceTableCommand => PriceTableEvent, |_services: ()| ());
