//! Where time and event ids come from. Tests and replays inject their own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use quipu_domain::Timestamp;
use uuid::Uuid;

/// The writer's clock.
pub trait Clock: Send + Sync {
    /// Now. It may jump; the engine never lets recorded time decrease (M5).
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn at(now: Timestamp) -> ManualClock {
        ManualClock(AtomicI64::new(now.micros()))
    }

    /// Sets it, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.micros(), Ordering::SeqCst);
    }

    /// Moves it forward.
    pub fn advance_seconds(&self, seconds: i64) {
        self.set(self.now().plus_seconds(seconds));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

/// Where event ids come from: UUIDv7 made of the time, a seed and a counter. That costs no system
/// call per event; uniqueness is all that is asked of them.
#[derive(Clone, Copy, Debug)]
pub struct Ids {
    seed: [u8; 6],
    counter: u32,
}

impl Ids {
    /// Ids of a process of its own.
    #[must_use]
    pub fn random() -> Ids {
        let mut seed = [0; 6];
        seed.copy_from_slice(&Uuid::now_v7().as_bytes()[10..]);
        Ids { seed, counter: 0 }
    }

    /// Ids that another run with the same seed repeats.
    #[must_use]
    pub const fn seeded(seed: [u8; 6]) -> Ids {
        Ids { seed, counter: 0 }
    }

    /// The next id, for an event recorded `at`.
    pub fn next(&mut self, at: Timestamp) -> Uuid {
        let millis = u64::try_from(at.micros() / 1_000).unwrap_or_default();
        self.counter = self.counter.wrapping_add(1);
        let mut bytes = [0; 10];
        // Version and variant overwrite bits of the first bytes, so the counter stands last.
        bytes[..6].copy_from_slice(&self.seed);
        bytes[6..].copy_from_slice(&self.counter.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_unique_and_in_time_order() {
        let earlier = Timestamp::from_micros(1_700_000_000_000_000).unwrap();
        let later = earlier.plus_seconds(1);
        for mut ids in [Ids::random(), Ids::seeded([7; 6])] {
            let (first, second, third) = (ids.next(earlier), ids.next(earlier), ids.next(later));
            assert_eq!(first.get_version_num(), 7);
            assert_ne!(first, second);
            assert!(third > first && third > second);
        }
    }
}
