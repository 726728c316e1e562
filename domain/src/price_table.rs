//! The token price table: what a model's tokens cost, by effective date (U2).

mod state;

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::{Label, PriceTableName, Timestamp};

pub use state::PriceTable;

events! {
    /// What can happen to a price table.
    PriceTableEvent {
        /// From a moment on, these prices hold.
        PricesPublished = 1,
    }
}

/// From a moment on, these prices hold, until the next that were published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricesPublished {
    /// The table.
    pub table: PriceTableName,
    /// First moment at which they hold. A later publication with the same moment replaces it.
    pub effective_at: Timestamp,
    /// Credits per million tokens, by model.
    pub models: BTreeMap<Label, TokenPrice>,
    /// Added to each price, in percent of it: 20 makes 1.00 into 1.20.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub markup_percent: Decimal,
    /// Where the prices come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Label>,
}

/// Credits per million tokens of one model. Decimal strings, at most 12 decimals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenPrice {
    /// Tokens sent to the model.
    pub input: Decimal,
    /// Tokens sent that the model had cached; where absent they cost as much as `input`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<Decimal>,
    /// Tokens that the model generated.
    pub output: Decimal,
}

/// What can be asked of a price table.
#[derive(Clone, Debug, PartialEq)]
pub enum PriceTableCommand {
    /// Publish prices.
    Publish(PricesPublished),
}
