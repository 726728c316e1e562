//! Quotients as they are shown: of measurements, never of money.

#![expect(clippy::float_arithmetic, reason = "figures of speed are rounded for people")]

use std::time::Duration;

/// How many a second, rounded.
#[must_use]
pub fn per_second(count: u64, elapsed: Duration) -> u64 {
    let per_second = u128::from(count) * 1_000_000 / elapsed.as_micros().max(1);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

/// A quotient with two decimals; nothing over nothing is zero.
#[must_use]
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { two_decimals(part as f64 / whole as f64) }
}

/// A duration in seconds with two decimals.
#[must_use]
pub fn seconds(duration: Duration) -> f64 {
    two_decimals(duration.as_secs_f64())
}

fn two_decimals(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_rounded_and_never_divide_by_zero() {
        assert_eq!(per_second(3, Duration::from_millis(1_500)), 2);
        assert_eq!(per_second(5, Duration::ZERO), 5_000_000);
        assert!((ratio(1, 3) - 0.33).abs() < f64::EPSILON);
        assert!(ratio(7, 0).abs() < f64::EPSILON);
        assert!((seconds(Duration::from_micros(1_234_567)) - 1.23).abs() < f64::EPSILON);
    }
}
