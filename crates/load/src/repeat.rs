//! One piece of work over and over, on one thread.

use std::fmt;
use std::time::{Duration, Instant};

use crate::{Latencies, per_second};

/// How fast a piece of work goes.
#[derive(Debug)]
pub struct Repeated {
    name: String,
    /// Operations in one piece of work.
    operations: u64,
    elapsed: Duration,
    latencies: Latencies,
}

/// Does the work for so long, after a tenth of that to warm up. `operations` is how many
/// operations one piece of work is.
pub fn repeat(
    name: impl Into<String>,
    operations: u64,
    duration: Duration,
    mut work: impl FnMut(),
) -> Repeated {
    let warm = Instant::now();
    while warm.elapsed() < duration / 10 {
        work();
    }
    let mut repeated = Repeated {
        name: name.into(),
        operations,
        elapsed: duration,
        latencies: Latencies::default(),
    };
    let began = Instant::now();
    while began.elapsed() < duration {
        let asked = Instant::now();
        work();
        repeated.latencies.record(asked.elapsed());
    }
    repeated.elapsed = began.elapsed();
    repeated
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.latencies.count().saturating_mul(self.operations);
        write!(
            f,
            "{:<44} {:>11} operations/s   p50 {:>11} ns   p99 {:>11} ns",
            self.name,
            per_second(operations, self.elapsed),
            self.latencies.nanos_at(0.50),
            self.latencies.nanos_at(0.99)
        )
    }
}
