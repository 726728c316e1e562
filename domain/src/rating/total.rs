//! What a whole quantity costs by a price (U2).

use rust_decimal::Decimal;

use super::exact::{Exact, ONE, at_twelve};
use crate::meter::{Price, Tier};
use crate::{Credits, Refusal};

/// What the quantity costs; zero costs nothing. `None` for a token price, which knows tokens,
/// not quantities.
pub fn total_price(price: &Price, quantity: Decimal) -> Result<Option<Credits>, Refusal> {
    if matches!(price, Price::Tokens { .. }) {
        return Ok(None);
    }
    let mut exact = Exact::default();
    each_product(price, quantity, &mut |product| {
        exact = exact.plus(Exact::product(product.quantity, product.price)?)?;
        Ok(())
    })?;
    exact.rounded().map(Some)
}

/// One of the products that a total price adds up, both numbers in units of their twelfth decimal.
pub(super) struct Product {
    /// What is multiplied.
    pub(super) of: Of,
    pub(super) quantity: i128,
    pub(super) price: i128,
}

/// What a product counts.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Units,
    TierUnits { after: i128 },
    TierFlat,
    Packages,
}

/// Walks through the products of a price, which has no tokens.
pub(super) fn each_product(
    price: &Price,
    quantity: Decimal,
    each: &mut impl FnMut(Product) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let quantity = at_twelve(quantity)?;
    if quantity == 0 {
        return Ok(());
    }
    match price {
        Price::Flat { unit_price } => {
            each(Product { of: Of::Units, quantity, price: at_twelve(*unit_price)? })
        }
        Price::Graduated { tiers } => graduated(tiers, quantity, each),
        Price::Volume { tiers } => volume(tiers, quantity, each),
        Price::Package { size, package_price } => {
            let size = at_twelve(*size)?;
            let started = quantity / size + i128::from(quantity % size != 0);
            let quantity = started.checked_mul(ONE).ok_or(Refusal::AmountOutOfRange)?;
            each(Product { of: Of::Packages, quantity, price: at_twelve(*package_price)? })
        }
        Price::Tokens { .. } => Ok(()),
    }
}

/// Each unit costs what its own tier says; a tier's flat price is due once it is entered.
fn graduated(
    tiers: &[Tier],
    quantity: i128,
    each: &mut impl FnMut(Product) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut below = 0;
    for tier in tiers {
        if quantity <= below {
            break;
        }
        let end = match tier.up_to {
            Some(up_to) => quantity.min(at_twelve(up_to)?),
            None => quantity,
        };
        let of = Of::TierUnits { after: below };
        each(Product { of, quantity: end - below, price: at_twelve(tier.unit_price)? })?;
        each(Product { of: Of::TierFlat, quantity: ONE, price: at_twelve(tier.flat_price)? })?;
        below = end;
    }
    Ok(())
}

/// Every unit costs what the tier says that the whole quantity falls in.
fn volume(
    tiers: &[Tier],
    quantity: i128,
    each: &mut impl FnMut(Product) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    for tier in tiers {
        let within = match tier.up_to {
            Some(up_to) => quantity <= at_twelve(up_to)?,
            None => true,
        };
        if within {
            each(Product { of: Of::Units, quantity, price: at_twelve(tier.unit_price)? })?;
            let price = at_twelve(tier.flat_price)?;
            return each(Product { of: Of::TierFlat, quantity: ONE, price });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(up_to: Option<i64>, unit_price: &str, flat_price: &str) -> Tier {
        Tier {
            up_to: up_to.map(Decimal::from),
            unit_price: unit_price.parse().unwrap(),
            flat_price: flat_price.parse().unwrap(),
        }
    }

    fn check(price: &Price, expected: &[(&str, &str)]) {
        for (quantity, cost) in expected {
            let total = total_price(price, quantity.parse().unwrap()).unwrap().unwrap();
            assert_eq!(total.to_string(), *cost, "{quantity} by {price:?}");
        }
    }

    #[test]
    fn u2_flat_is_quantity_times_price() {
        let price = Price::Flat { unit_price: "0.25".parse().unwrap() };
        check(&price, &[("0", "0"), ("1", "0.25"), ("3.5", "0.875")]);
    }

    #[test]
    fn u2_graduated_charges_each_unit_by_its_own_tier() {
        let tiers =
            vec![tier(Some(10), "1", "0"), tier(Some(20), "0.5", "2"), tier(None, "0.1", "0")];
        let price = Price::Graduated { tiers };
        check(&price, &[("0", "0"), ("10", "10"), ("10.5", "12.25"), ("20", "17"), ("30", "18")]);
    }

    #[test]
    fn u2_volume_charges_all_units_by_the_tier_of_the_total() {
        let price = Price::Volume { tiers: vec![tier(Some(10), "1", "0"), tier(None, "0.5", "1")] };
        check(&price, &[("0", "0"), ("10", "10"), ("10.000002", "6.000001"), ("11", "6.5")]);
    }

    #[test]
    fn u2_package_charges_every_started_package() {
        let price = Price::Package { size: Decimal::from(100), package_price: Decimal::from(7) };
        check(&price, &[("0", "0"), ("0.1", "7"), ("100", "7"), ("100.000000000001", "14")]);
    }
}
