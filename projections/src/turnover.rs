//! Sums of amounts that pass 64 bits of micros, in two columns that SQL can add up.
//!
//! M3 bounds one amount at 10^12 credits, and what a wallet has at a time; not what goes through an
//! account, or what usage costs in a month. Thousands of credits and the micros below one thousand
//! stand in a BIGINT each: with nine thousand million of the largest amounts, and over as many rows,
//! neither sum passes 64 bits.

use crate::ProjectionError;

/// Micros in a thousand credits.
const THOUSAND: i128 = 1_000_000_000;

/// The sum that two columns hold, or their sums over several rows, in micros.
///
/// ```
/// use quipu_projections::turnover;
/// assert_eq!(turnover::of_columns(-2, -500_000_000), -2_500_000_000);
/// ```
#[must_use]
pub fn of_columns(thousands: i64, micros: i64) -> i128 {
    i128::from(thousands) * THOUSAND + i128::from(micros)
}

/// The thousands and the micros of a sum; both have its sign.
pub(crate) fn columns(micros: i128, what: &'static str) -> Result<(i64, i64), ProjectionError> {
    let column = |number: i128| i64::try_from(number);
    match (column(micros / THOUSAND), column(micros % THOUSAND)) {
        (Ok(thousands), Ok(micros)) => Ok((thousands, micros)),
        _ => Err(ProjectionError::Overflow { what }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_comes_back_from_its_columns_up_to_a_thousand_million_times_64_bits() {
        let most = i128::from(i64::MAX) * THOUSAND + (THOUSAND - 1);
        for micros in [0, 1, -1, 999_999_999, THOUSAND, -THOUSAND - 1, most, -most] {
            let (thousands, rest) = columns(micros, "a sum").unwrap();
            assert_eq!(of_columns(thousands, rest), micros);
            assert!(i128::from(thousands) * i128::from(rest) >= 0, "{thousands} and {rest}");
        }
        let refused = columns(most + 1, "a sum");
        assert_eq!(refused, Err(ProjectionError::Overflow { what: "a sum" }));
    }

    #[test]
    fn columns_add_up_to_the_sum_of_sums() {
        let [left, right] =
            [-1_999_999_999, 2_500_000_001].map(|sum| columns(sum, "a sum").unwrap());
        assert_eq!(of_columns(left.0 + right.0, left.1 + right.1), 500_000_002);
    }
}
