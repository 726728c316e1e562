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

/// The same without zeros at its end.
pub(crate) fn short(mantissa: i128, scale: u32) -> String {
    let text = fixed(mantissa, scale);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
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
    fn no_zeros_are_left_at_the_end_and_none_is_taken_before_the_point() {
        assert_eq!(short(1_250_000, 6), "1.25");
        assert_eq!(short(-100_000_000, 6), "-100");
        assert_eq!((short(0, 6), short(100, 0)), ("0".to_owned(), "100".to_owned()));
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
