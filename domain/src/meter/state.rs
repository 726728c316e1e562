//! A meter as its events made it, and what it decides.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::validation::{check_definition, check_meter_price};
use super::{Aggregation, MeterCommand, MeterDefined, MeterEvent, Price, UnpricedPolicy};
use crate::aggregate::aggregate;
use crate::event::Inconsistency;
use crate::{MeterName, PriceTableName, Refusal, Timestamp};

/// What is counted, how counts add up, and what they cost, every version of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    definition: Option<MeterDefined>,
    prices: BTreeMap<Timestamp, Price>,
}

/// What a meter needs to know besides itself to decide.
#[derive(Clone, Copy, Debug)]
pub struct MeterContext<'a> {
    /// Whom the command was sent to.
    pub meter: &'a MeterName,
    /// Whether the price table that the command names exists; asked for nothing else.
    pub price_table_exists: bool,
}

/// [`MeterContext`] as cqrs-es wants it: owned.
#[derive(Clone, Debug)]
pub struct MeterServices {
    /// Whom commands are sent to.
    pub meter: MeterName,
    /// Whether the price table that the command names exists.
    pub price_table_exists: bool,
}

impl MeterCommand {
    /// The price table that must exist for it.
    #[must_use]
    pub const fn price_table(&self) -> Option<&PriceTableName> {
        match self {
            MeterCommand::SetPrice(priced) => priced.price.price_table(),
            MeterCommand::Define(_) => None,
        }
    }
}

impl Price {
    const fn price_table(&self) -> Option<&PriceTableName> {
        match self {
            Price::Tokens { price_table } => Some(price_table),
            Price::Flat { .. }
            | Price::Graduated { .. }
            | Price::Volume { .. }
            | Price::Package { .. } => None,
        }
    }
}

impl Meter {
    /// Names the shape a snapshot has; another shape gets another name.
    pub const SCHEMA: &str = "meter/1";

    /// Whether it was defined.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.definition.is_some()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&MeterName> {
        self.definition.as_ref().map(|definition| &definition.meter)
    }

    /// How its records add up.
    #[must_use]
    pub fn aggregation(&self) -> Option<Aggregation> {
        self.definition.as_ref().map(|definition| definition.aggregation)
    }

    /// What happens to usage without a price (U3).
    #[must_use]
    pub fn unpriced(&self) -> Option<&UnpricedPolicy> {
        self.definition.as_ref().map(|definition| &definition.unpriced)
    }

    /// The price that holds at a moment, and since when.
    #[must_use]
    pub fn price_at(&self, at: Timestamp) -> Option<(Timestamp, &Price)> {
        self.prices.range(..=at).next_back().map(|(since, price)| (*since, price))
    }

    /// The price table that usage of that moment is rated by.
    #[must_use]
    pub fn price_table_at(&self, at: Timestamp) -> Option<&PriceTableName> {
        self.price_at(at).and_then(|(_, price)| price.price_table())
    }

    /// What a command leads to.
    pub fn decide(
        &self,
        command: &MeterCommand,
        context: &MeterContext<'_>,
    ) -> Result<Vec<MeterEvent>, Refusal> {
        match command {
            MeterCommand::Define(definition) => {
                if self.exists() {
                    return Err(Refusal::MeterExists { meter: definition.meter.clone() });
                }
                check_definition(definition).map_err(|why| Refusal::InvalidPrice { why })?;
                Ok(vec![MeterEvent::MeterDefined(definition.clone())])
            }
            MeterCommand::SetPrice(priced) => {
                let Some(aggregation) = self.aggregation() else {
                    return Err(Refusal::UnknownMeter { meter: context.meter.clone() });
                };
                if let Some(table) =
                    priced.price.price_table().filter(|_| !context.price_table_exists)
                {
                    return Err(Refusal::UnknownPriceTable { table: table.clone() });
                }
                check_meter_price(&priced.price, aggregation)
                    .map_err(|why| Refusal::InvalidPrice { why })?;
                Ok(vec![MeterEvent::MeterPriced(priced.clone())])
            }
        }
    }

    /// What an event makes of it.
    pub fn apply(&mut self, event: &MeterEvent) -> Result<(), Inconsistency> {
        match event {
            MeterEvent::MeterDefined(definition) => {
                if self.exists() {
                    return Err(Inconsistency(format!("{} was defined before", definition.meter)));
                }
                self.definition = Some(definition.clone());
            }
            MeterEvent::MeterPriced(priced) => {
                let aggregation = self
                    .aggregation()
                    .ok_or_else(|| Inconsistency("a price for a meter not yet defined".into()))?;
                check_meter_price(&priced.price, aggregation).map_err(Inconsistency)?;
                self.prices.insert(priced.effective_at, priced.price.clone());
            }
        }
        Ok(())
    }
}

aggregate!(Meter in "meter": MeterCommand => MeterEvent, |services: MeterServices| (
    &MeterContext {
        meter: &services.meter,
        price_table_exists: services.price_table_exists,
    }
));
