//! The meter: what is counted, how counts add up, and what they cost (U2, U3).

mod state;
mod validation;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::{Label, MeterName, PriceTableName, Timestamp};

pub use state::{Meter, MeterContext, MeterServices};

events! {
    /// What can happen to a meter.
    MeterEvent {
        /// The meter exists from now on.
        MeterDefined = 1,
        /// From a moment on, this is its price.
        MeterPriced = 1,
    }
}

/// The meter exists from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterDefined {
    /// Its name.
    pub meter: MeterName,
    /// How records add up within a period.
    pub aggregation: Aggregation,
    /// What one is called, for people: `token`, `request`, `minute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Label>,
    /// What happens to usage that cannot be priced (U3).
    pub unpriced: UnpricedPolicy,
}

/// From a moment on, this is its price, until the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterPriced {
    /// First moment at which it holds. A later pricing with the same moment replaces it.
    pub effective_at: Timestamp,
    /// The price.
    pub price: Price,
}

/// How records add up within a period (U2). The period is the calendar month in the tenant's
/// time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Each record counts one, whatever its quantity.
    Count,
    /// Quantities add.
    Sum,
    /// The highest quantity of the period counts.
    Max,
    /// Each different `value` of the period counts one.
    UniqueCount,
    /// The quantity of the record that occurred last counts.
    Latest,
}

/// What usage costs, in credits (U2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case", deny_unknown_fields)]
pub enum Price {
    /// So much per unit.
    Flat {
        /// Credits per unit.
        unit_price: Decimal,
    },
    /// Each unit costs what its own tier says.
    Graduated {
        /// In rising order; the last has no `up_to`.
        tiers: Vec<Tier>,
    },
    /// Every unit costs what the tier of the period's total says.
    Volume {
        /// In rising order; the last has no `up_to`.
        tiers: Vec<Tier>,
    },
    /// So much per started package.
    Package {
        /// Units in one package.
        size: Decimal,
        /// Credits per package.
        package_price: Decimal,
    },
    /// By model and kind of token, from a price table.
    Tokens {
        /// The table.
        price_table: PriceTableName,
    },
}

/// One tier of a graduated or volume price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The last unit of this tier, inclusive; absent in the last tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Decimal>,
    /// Credits per unit.
    pub unit_price: Decimal,
    /// Credits once the tier is entered.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub flat_price: Decimal,
}

/// What happens to usage that cannot be priced (U3). Never silently zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "snake_case", deny_unknown_fields)]
pub enum UnpricedPolicy {
    /// `usage_unpriceable`.
    Refuse,
    /// Kept, flagged, rated later.
    RecordUnpriced,
    /// So much per unit (for token meters: per token of any kind).
    DefaultPrice {
        /// Credits per unit.
        unit_price: Decimal,
    },
}

/// What can be asked of a meter.
#[derive(Clone, Debug, PartialEq)]
pub enum MeterCommand {
    /// Define it.
    Define(MeterDefined),
    /// Price it from a moment on.
    SetPrice(MeterPriced),
}
