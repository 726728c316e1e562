//! Decimals of any length, written and rounded without a float in sight.

/// A decimal as text: so many digits of `mantissa` stand after the point.
pub(crate) fn fixed(mantissa: i128, scale: u32) -> String {
    let sign = if mantissa < 0 { "-" } else { "" };
    let one = 10_u128.pow(scale);
    let (whole, rest) = (mantissa.unsigned_abs() / one, mantissa.unsigned_abs() % one);
    match scale {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{rest:0width$}", width = scale as usize),
    }
}

/// The same without zeros at its end, but with one decimal at least: a column of whole numbers
/// would be taken for one of another type by programs that guess.
pub(crate) fn short(mantissa: i128, scale: u32) -> String {
    let text = fixed(mantissa, scale);
    let (whole, decimals) = text.split_once('.').unwrap_or((text.as_str(), ""));
    let decimals = decimals.trim_end_matches('0');
    format!("{whole}.{}", if decimals.is_empty() { "0" } else { decimals })
}

/// The nearest number with fewer digits after the point; half goes to even.
pub(crate) fn rounded(mantissa: i128, scale: u32, to: u32) -> i128 {
    let one = 10_i128.pow(scale.saturating_sub(to));
    let (whole, rest) = (mantissa.div_euclid(one), mantissa.rem_euclid(one));
    match (rest * 2).cmp(&one) {
        std::cmp::Ordering::Less => whole,
        std::cmp::Ordering::Equal => whole + whole.rem_euclid(2),
        std::cmp::Ordering::Greater => whole + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_decimals_stand_and_the_sign_once() {
        assert_eq!(fixed(-1, 6), "-0.000001");
        assert_eq!(fixed(1_250_000, 6), "1.250000");
        assert_eq!(fixed(-7, 0), "-7");
    }

    #[test]
    fn one_decimal_is_left_at_least() {
        assert_eq!(short(1_250_000, 6), "1.25");
        assert_eq!(short(-100_000_000, 6), "-100.0");
        assert_eq!((short(0, 6), short(100, 0)), ("0.0".to_owned(), "100.0".to_owned()));
    }

    #[test]
    fn half_goes_to_even_on_both_sides_of_zero() {
        for (mantissa, nearest) in
            [(5, 0), (15, 2), (25, 2), (26, 3), (-5, 0), (-15, -2), (-25, -2), (-26, -3), (-24, -2)]
        {
            assert_eq!(rounded(mantissa, 1, 0), nearest, "{mantissa}");
        }
        assert_eq!(rounded(123, 2, 2), 123);
    }
}
