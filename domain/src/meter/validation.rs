//! Which prices make sense (U2).

use rust_decimal::Decimal;

use super::{Aggregation, MeterDefined, Price, Tier, UnpricedPolicy};
use crate::rating::{check_decimals, check_price};

/// Most decimals of a bound or a package's size, as of a quantity.
const QUANTITY_DECIMALS: u32 = 12;
/// Most tiers one price may have.
const MOST_TIERS: usize = 100;

pub(super) fn check_definition(definition: &MeterDefined) -> Result<(), String> {
    match &definition.unpriced {
        UnpricedPolicy::DefaultPrice { unit_price } => check_price(*unit_price),
        UnpricedPolicy::Refuse | UnpricedPolicy::RecordUnpriced => Ok(()),
    }
}

pub(super) fn check_meter_price(price: &Price, aggregation: Aggregation) -> Result<(), String> {
    match price {
        Price::Flat { unit_price } => check_price(*unit_price),
        Price::Graduated { tiers } | Price::Volume { tiers } => check_tiers(tiers),
        Price::Package { size, package_price } => {
            check_bound(*size).map_err(|why| format!("package size: {why}"))?;
            check_price(*package_price)
        }
        Price::Tokens { .. } => match aggregation {
            Aggregation::Count | Aggregation::Sum => Ok(()),
            Aggregation::Max | Aggregation::UniqueCount | Aggregation::Latest => {
                Err("a token price needs a meter that counts or sums: each record pays for its own"
                    .into())
            }
        },
    }
}

fn check_tiers(tiers: &[Tier]) -> Result<(), String> {
    let Some((last, bounded)) = tiers.split_last() else {
        return Err("a tiered price needs at least one tier".into());
    };
    if tiers.len() > MOST_TIERS {
        return Err(format!("a tiered price has at most {MOST_TIERS} tiers"));
    }
    if last.up_to.is_some() {
        return Err("the last tier must be open: leave out its up_to".into());
    }
    let mut below = Decimal::ZERO;
    for tier in bounded {
        let up_to = tier.up_to.ok_or("only the last tier may be open")?;
        check_bound(up_to)?;
        if up_to <= below {
            return Err(format!("tier bounds must rise: {up_to} follows {below}"));
        }
        below = up_to;
    }
    tiers.iter().try_for_each(|tier| {
        check_price(tier.unit_price)?;
        check_price(tier.flat_price)
    })
}

fn check_bound(bound: Decimal) -> Result<(), String> {
    if bound <= Decimal::ZERO {
        return Err(format!("{bound} is not above zero"));
    }
    check_decimals(bound, QUANTITY_DECIMALS)?;
    check_price(bound).map_err(|_| format!("{bound} is beyond 10^12"))
}
