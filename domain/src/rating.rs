//! What usage costs (U2, U3): a quote from a meter, its price and a price table.
//!
//! Exact throughout: quantities and prices have at most twelve decimals, their products
//! twenty-four, and the one rounding is half-even to the six of credits (M1).

mod exact;
mod quote;
mod total;
mod working;

pub use quote::{Quote, Steps, quote};
pub use total::total_price;
pub use working::{Sum, Term, Working, working};

use rust_decimal::Decimal;

/// Most decimals a price or a quantity may have.
pub const MOST_DECIMALS: u32 = 12;

/// Whether a number has no more decimals than allowed; trailing zeros do not count.
pub(crate) fn check_decimals(number: Decimal, most: u32) -> Result<(), String> {
    if number.normalize().scale() > most {
        return Err(format!("{number} has more than {most} decimals"));
    }
    Ok(())
}

/// Whether a number may be a price or a quantity: 0 to 10^12, at most twelve decimals.
pub(crate) fn check_price(number: Decimal) -> Result<(), String> {
    check_number(number, 12)
}

/// Whether a number may be what a meter counts in a period: 0 to 10^16, at most twelve decimals. So a
/// `Decimal`, which has 28 digits, adds up totals and takes them from each other without rounding.
pub(crate) fn check_total(number: Decimal) -> Result<(), String> {
    check_number(number, 16)
}

fn check_number(number: Decimal, most_zeros: u32) -> Result<(), String> {
    if number < Decimal::ZERO {
        return Err(format!("{number} is below zero"));
    }
    if number > Decimal::from(10_i64.pow(most_zeros)) {
        return Err(format!("{number} is beyond 10^{most_zeros}"));
    }
    check_decimals(number, MOST_DECIMALS)
}
