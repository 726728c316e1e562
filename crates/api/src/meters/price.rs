//! How the price of a meter is written.

use quipu_domain::PriceTableName;
use quipu_domain::meter;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::{Number, Object};

/// What usage costs, in credits.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "model", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Price {
    /// So much per unit.
    Flat {
        /// Credits per unit.
        unit_price: Number,
    },
    /// Each unit costs what its own tier says.
    Graduated {
        /// In rising order; the last has no `up_to`.
        #[schema(value_type = Vec<Tier>)]
        tiers: Vec<Object<Tier>>,
    },
    /// Every unit costs what the tier of the period's total says.
    Volume {
        /// In rising order; the last has no `up_to`.
        #[schema(value_type = Vec<Tier>)]
        tiers: Vec<Object<Tier>>,
    },
    /// So much per started package.
    Package {
        /// Units in one package.
        size: Number,
        /// Credits per package.
        package_price: Number,
    },
    /// By model and kind of token, from a price table.
    Tokens {
        /// The table.
        #[schema(value_type = String)]
        price_table: PriceTableName,
    },
}

/// One tier of a graduated or volume price.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tier {
    /// The last unit of this tier, inclusive; absent in the last tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    up_to: Option<Number>,
    /// Credits per unit.
    unit_price: Number,
    /// Credits once the tier is entered; zero where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flat_price: Option<Number>,
}

impl From<Price> for meter::Price {
    fn from(price: Price) -> meter::Price {
        match price {
            Price::Flat { unit_price } => meter::Price::Flat { unit_price: unit_price.0 },
            Price::Graduated { tiers } => meter::Price::Graduated { tiers: all(tiers) },
            Price::Volume { tiers } => meter::Price::Volume { tiers: all(tiers) },
            Price::Package { size, package_price } => {
                meter::Price::Package { size: size.0, package_price: package_price.0 }
            }
            Price::Tokens { price_table } => meter::Price::Tokens { price_table },
        }
    }
}

fn all(tiers: Vec<Object<Tier>>) -> Vec<meter::Tier> {
    let domain = |Object(tier): Object<Tier>| meter::Tier {
        up_to: tier.up_to.map(|up_to| up_to.0),
        unit_price: tier.unit_price.0,
        flat_price: tier.flat_price.map_or(Decimal::ZERO, |price| price.0),
    };
    tiers.into_iter().map(domain).collect()
}
