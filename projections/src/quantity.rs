//! Sums of metered quantities that stay exact and that SQL can add up.

use std::fmt;

use rust_decimal::Decimal;

/// Parts in one unit: quantities have at most twelve decimals.
const PARTS: i128 = 1_000_000_000_000;
const SCALE: u32 = 12;
/// Parts in a millionth.
const MICRO: i128 = 1_000_000;

/// An exact quantity, kept as whole units and parts of 10^-12 in two BIGINTs, because neither
/// database has an exact decimal that the other understands. It ends at 10^26 units: no journal is
/// long enough to come there (M1, M3).
///
/// ```
/// use quipu_projections::Quantity;
/// let quantity = Quantity::from_decimal("-1.25".parse().unwrap()).unwrap();
/// assert_eq!((quantity.units(), quantity.parts()), (-2, 750_000_000_000));
/// assert_eq!(quantity.to_string(), "-1.25");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity(0);

    /// The quantity of a decimal; `None` with more than twelve decimals.
    #[must_use]
    pub fn from_decimal(value: Decimal) -> Option<Quantity> {
        let value = value.normalize();
        let missing = SCALE.checked_sub(value.scale())?;
        value.mantissa().checked_mul(10_i128.pow(missing)).map(Quantity)
    }

    /// The quantity that two columns hold, or their sums over several rows.
    #[must_use]
    pub fn from_columns(units: impl Into<i128>, parts: impl Into<i128>) -> Quantity {
        Quantity(units.into().saturating_mul(PARTS).saturating_add(parts.into()))
    }

    /// An amount of credits as a quantity.
    #[must_use]
    pub fn from_micros(micros: impl Into<i128>) -> Quantity {
        Quantity(micros.into().saturating_mul(MICRO))
    }

    /// A count as a quantity.
    #[must_use]
    pub fn from_count(count: i64) -> Quantity {
        Quantity(i128::from(count) * PARTS)
    }

    /// Whole units, rounded down.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0.div_euclid(PARTS)
    }

    /// Parts of 10^-12 above the whole units: 0 to 999,999,999,999.
    #[must_use]
    pub const fn parts(self) -> i128 {
        self.0.rem_euclid(PARTS)
    }

    /// Units and parts, if the units fit into a column: those of nine million records of the
    /// largest quantity (M1) do.
    #[must_use]
    pub fn columns(self) -> Option<(i64, i64)> {
        Some((self.units().try_into().ok()?, self.parts().try_into().ok()?))
    }

    /// The sum, if it fits.
    #[must_use]
    pub fn plus(self, other: Quantity) -> Option<Quantity> {
        self.0.checked_add(other.0).map(Quantity)
    }

    /// The quantity with the sign turned.
    #[must_use]
    pub const fn negated(self) -> Quantity {
        Quantity(-self.0)
    }
}

/// A decimal number, without zeros at its end.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, parts) = (
            self.0.unsigned_abs() / PARTS.unsigned_abs(),
            self.0.unsigned_abs() % PARTS.unsigned_abs(),
        );
        let sign = if self.0 < 0 { "-" } else { "" };
        let parts = format!("{parts:012}");
        match parts.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            parts => write!(f, "{sign}{whole}.{parts}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_without_losing_the_last_decimal() {
        let small = Quantity::from_decimal("0.000000000001".parse().unwrap()).unwrap();
        let large = Quantity::from_decimal("1000000000000".parse().unwrap()).unwrap();
        let sum = large.plus(small).unwrap();
        assert_eq!(sum.to_string(), "1000000000000.000000000001");
        assert_eq!(sum.plus(large.negated()).unwrap(), small);
    }

    #[test]
    fn columns_add_up_to_the_sum_of_quantities() {
        let quantity = |text: &str| Quantity::from_decimal(text.parse().unwrap()).unwrap();
        let [left, right] = [quantity("-1.9"), quantity("2.95")];
        let [(units, parts), (more_units, more_parts)] =
            [left, right].map(|each| each.columns().unwrap());
        let summed = Quantity::from_columns(units + more_units, parts + more_parts);
        assert_eq!(summed, left.plus(right).unwrap());
    }

    #[test]
    fn a_sum_has_more_digits_than_a_decimal_has() {
        let most = Quantity::from_columns(i64::MAX, 1);
        assert_eq!(most.to_string(), "9223372036854775807.000000000001");
        assert_eq!(most.columns(), Some((i64::MAX, 1)));
        let beyond = most.plus(Quantity::from_count(1)).unwrap();
        assert_eq!(
            (beyond.to_string().as_str(), beyond.columns()),
            ("9223372036854775808.000000000001", None)
        );
    }

    #[test]
    fn is_shown_to_its_last_decimal_and_no_further() {
        for (text, shown) in [
            ("-1.250", "-1.25"),
            ("0.000000000001", "0.000000000001"),
            ("-0.5", "-0.5"),
            ("7", "7"),
        ] {
            let quantity = Quantity::from_decimal(text.parse().unwrap()).unwrap();
            assert_eq!(quantity.to_string(), shown);
        }
        assert_eq!(Quantity::from_micros(-1_250_000).to_string(), "-1.25");
        assert_eq!(Quantity::from_count(3).to_string(), "3");
    }

    #[test]
    fn refuses_a_thirteenth_decimal() {
        assert_eq!(Quantity::from_decimal("0.0000000000001".parse().unwrap()), None);
    }
}
