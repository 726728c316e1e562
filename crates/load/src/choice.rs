//! Which of many is next: the same sequence for the same seed.

use clap::ValueEnum;
use serde::Serialize;

/// How often each is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Each equally often.
    Uniform,
    /// The n-th a n-th as often as the first (Zipf with exponent 1).
    Zipf,
}

/// Pseudo-random numbers (SplitMix64): cheap, and good enough to spread load.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    #[must_use]
    pub const fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// Chooses among a number of things.
#[derive(Clone, Debug)]
pub struct Choice {
    random: Random,
    /// Up to where each one's share of all weights reaches.
    shares: Shares,
}

#[derive(Clone, Debug)]
enum Shares {
    Equal(u64),
    Cumulative(std::sync::Arc<[u64]>),
}

impl Choice {
    /// The first one's weight; the n-th has a n-th of it.
    const WEIGHT: u64 = 1 << 32;

    /// A choice among `count` things, at least one.
    #[must_use]
    pub fn new(distribution: Distribution, count: usize, seed: u64) -> Choice {
        let count = count.max(1) as u64;
        let shares = match distribution {
            Distribution::Uniform => Shares::Equal(count),
            Distribution::Zipf => {
                let weights = (1..=count).map(|rank| Self::WEIGHT / rank);
                let add = |sum: &mut u64, weight| {
                    *sum += weight;
                    Some(*sum)
                };
                Shares::Cumulative(weights.scan(0, add).collect())
            }
        };
        Choice { random: Random::new(seed), shares }
    }

    /// The same weights with another sequence.
    #[must_use]
    pub fn reseeded(&self, seed: u64) -> Choice {
        Choice { random: Random::new(seed), shares: self.shares.clone() }
    }

    /// The next one's index.
    pub fn pick(&mut self) -> usize {
        match &self.shares {
            Shares::Equal(count) => index(self.random.below(*count)),
            Shares::Cumulative(ends) => {
                let all = ends.last().copied().unwrap_or(1);
                let point = self.random.below(all);
                ends.partition_point(|end| *end <= point)
            }
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("it is below a length in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(distribution: Distribution) -> Vec<u32> {
        let mut choice = Choice::new(distribution, 100, 7);
        let mut counts = vec![0; 100];
        (0..100_000).for_each(|_| counts[choice.pick()] += 1);
        counts
    }

    #[test]
    fn uniform_reaches_all_about_equally_often() {
        let counts = counts(Distribution::Uniform);
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn zipf_favours_the_first_by_its_rank() {
        let counts = counts(Distribution::Zipf);
        // The harmonic number of 100 is 5.187: the first has 19,278 of 100,000, the second half.
        assert!((18_500..20_000).contains(&counts[0]), "{}", counts[0]);
        assert!((9_000..10_300).contains(&counts[1]), "{}", counts[1]);
        assert!(counts[99] > 0);
    }

    #[test]
    fn the_same_seed_chooses_the_same() {
        let mut first = Choice::new(Distribution::Zipf, 10, 3);
        let mut again = first.reseeded(3);
        assert!((0..100).all(|_| first.pick() == again.pick()));
    }
}
