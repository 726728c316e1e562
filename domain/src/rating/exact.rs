//! Exact products of numbers with twelve decimals, in whole numbers.
//!
//! A product that does not fit an `i128` at twenty-four decimals is above 1.7 x 10^14, so
//! "does not fit" always means "beyond the limit of M3", never "loses a digit".

use std::fmt;

use rust_decimal::Decimal;

use super::MOST_DECIMALS;
use crate::{Credits, Refusal};

/// Units of the twelfth decimal.
pub(super) const ONE: i128 = 1_000_000_000_000;
/// From the twenty-fourth decimal to the sixth.
const TO_MICROS: i128 = 1_000_000_000_000_000_000;

/// A number in units of its twelfth decimal.
pub(super) fn at_twelve(number: Decimal) -> Result<i128, Refusal> {
    let number = number.normalize();
    let missing = MOST_DECIMALS.checked_sub(number.scale()).ok_or(Refusal::AmountOutOfRange)?;
    number.mantissa().checked_mul(10_i128.pow(missing)).ok_or(Refusal::AmountOutOfRange)
}

/// A sum of money in units of its twenty-fourth decimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Exact(i128);

impl Exact {
    /// The product of two numbers in units of their twelfth decimal.
    pub(super) fn product(a: i128, b: i128) -> Result<Exact, Refusal> {
        a.checked_mul(b).map(Exact).ok_or(Refusal::AmountOutOfRange)
    }

    pub(super) fn plus(self, other: Exact) -> Result<Exact, Refusal> {
        self.0.checked_add(other.0).map(Exact).ok_or(Refusal::AmountOutOfRange)
    }

    /// M1: half-even to six decimals. Values are never below zero here.
    pub(super) fn rounded(self) -> Result<Credits, Refusal> {
        let (whole, rest) = (self.0 / TO_MICROS, self.0 % TO_MICROS);
        let up = match rest.cmp(&(TO_MICROS / 2)) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => whole % 2,
            std::cmp::Ordering::Greater => 1,
        };
        let micros = i64::try_from(whole + up).map_err(|_| Refusal::AmountOutOfRange)?;
        Credits::from_micros(micros).map_err(|_| Refusal::AmountOutOfRange)
    }
}

/// A decimal number, without zeros at its end.
impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.0, 24)
    }
}

/// A number in units of its twelfth decimal.
pub(super) struct Twelve(pub(super) i128);

impl fmt::Display for Twelve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decimal(f, self.0, MOST_DECIMALS as usize)
    }
}

fn decimal(f: &mut fmt::Formatter<'_>, units: i128, decimals: usize) -> fmt::Result {
    let digits = format!("{:0width$}", units.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let sign = if units < 0 { "-" } else { "" };
    match fraction.trim_end_matches('0') {
        "" => write!(f, "{sign}{whole}"),
        fraction => write!(f, "{sign}{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn product(a: &str, b: &str) -> Result<Credits, Refusal> {
        let number = |text: &str| at_twelve(text.parse().unwrap());
        Exact::product(number(a)?, number(b)?)?.rounded()
    }

    #[test]
    fn m1_a_product_is_rounded_once_half_to_even() {
        for (a, b, expected) in [
            ("1", "0.0000005", "0"),
            ("3", "0.0000005", "0.000002"),
            ("1", "0.000000500001", "0.000001"),
            ("1000000000000", "0.000000000001", "1"),
            ("0.000000000001", "0.000000000001", "0"),
            ("123456789012.123456789012", "1.000000000001", "123456789012.246914"),
        ] {
            assert_eq!(product(a, b), Ok(expected.parse().unwrap()), "{a} x {b}");
        }
    }

    #[test]
    fn m3_a_product_beyond_the_limit_is_refused() {
        for (a, b) in [("1000000000000", "1.000001"), ("1000000000000", "1000000000000")] {
            assert_eq!(product(a, b), Err(Refusal::AmountOutOfRange), "{a} x {b}");
        }
    }

    proptest! {
        #[test]
        fn m1_small_products_agree_with_the_decimal_library(
            a in 0_i64..1_000_000_000_000,
            b in 0_i64..1_000_000_000,
        ) {
            let (a, b) = (Decimal::new(a, 6), Decimal::new(b, 9));
            let ours = Exact::product(at_twelve(a).unwrap(), at_twelve(b).unwrap()).unwrap();
            prop_assert_eq!(ours.rounded().ok(), Credits::rounded(a * b).ok());
        }
    }
}
