//! How long requests took, in memory that does not grow with their number.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Nobody waits longer: a slower request counts as this slow.
const LONGEST_NANOS: u64 = 600_000_000_000;
/// Significant decimal digits that are kept of each latency.
const DIGITS: u8 = 3;

/// Latencies by how often they occurred.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

/// What latencies come to, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LatencySummary {
    /// Half of them were at most this.
    pub p50_us: u64,
    /// 99 of 100.
    pub p99_us: u64,
    /// 999 of 1,000.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl Default for Latencies {
    fn default() -> Latencies {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NANOS, DIGITS);
        Latencies(histogram.expect("the bounds are constants that fit each other"))
    }
}

impl Latencies {
    /// Counts one in.
    pub fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanos);
    }

    /// Counts all of another's in.
    pub fn add(&mut self, other: &Latencies) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Their percentiles; zeros where there are none.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        LatencySummary {
            p50_us: self.nanos_at(0.50) / 1_000,
            p99_us: self.nanos_at(0.99) / 1_000,
            p999_us: self.nanos_at(0.999) / 1_000,
            max_us: self.0.max() / 1_000,
        }
    }

    /// What so large a part of them stayed within.
    pub(crate) fn nanos_at(&self, part: f64) -> u64 {
        self.0.value_at_quantile(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::default();
        for micros in 1..=1_000 {
            latencies.record(Duration::from_micros(micros));
        }
        let summary = latencies.summary();
        assert_eq!(latencies.count(), 1_000);
        assert_eq!((summary.p50_us, summary.p99_us, summary.p999_us), (500, 990, 999));
        assert_eq!(summary.max_us, 1_000);
    }

    #[test]
    fn nothing_recorded_is_all_zeros_and_the_slowest_is_bounded() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.summary().max_us, 0);
        latencies.record(Duration::from_secs(100_000));
        let longest = latencies.summary().max_us;
        assert!((LONGEST_NANOS / 1_000..LONGEST_NANOS / 998).contains(&longest));
    }
}
