//! Key hashes: one table in memory over the whole window, ten bytes a key in a saved segment.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use quipu_domain::{Position, Timestamp};

use crate::{JournalError, KeyHash, SealedKeys};

const ENTRY_BYTES: usize = 10;
/// One for each first byte of a hash. Ten million keys fill one after the other four times as fast
/// as a single table, which no processor has near; and when they grow, none takes long.
const SHARDS: usize = 256;

/// Where each key of the window was used.
pub(crate) struct KeyTable {
    shards: Vec<Shard>,
    /// What to forget when a segment leaves the window, oldest first.
    sealed: VecDeque<SealedKeys>,
}

/// The keys whose hashes begin alike.
#[derive(Clone, Default)]
struct Shard {
    /// The first event of each hash; nearly always the only one.
    first: HashMap<KeyHash, Position, Scatter>,
    /// Further events: those of a command with several, or of a key that collides.
    more: HashMap<KeyHash, VecDeque<Position>, Scatter>,
}

impl KeyTable {
    /// The keys of saved segments. Shards are filled on all cores: nobody is served meanwhile.
    pub(crate) fn of(sealed: Vec<SealedKeys>) -> Result<KeyTable, JournalError> {
        let mut shards = vec![Shard::default(); SHARDS];
        let parts = parts_by_shard(&sealed)?;
        let at_once = SHARDS.div_ceil(available_parallelism().map_or(1, NonZeroUsize::get));
        std::thread::scope(|scope| {
            for (shards, parts) in shards.chunks_mut(at_once).zip(parts.chunks(at_once)) {
                scope.spawn(move || {
                    shards.iter_mut().zip(parts).for_each(|(shard, parts)| shard.fill(parts));
                });
            }
        });
        Ok(KeyTable { shards, sealed: sealed.into() })
    }

    pub(crate) fn insert(&mut self, key: KeyHash, position: Position) {
        self.shards[shard_of(key)].insert(key, position);
    }

    pub(crate) fn find(&self, key: KeyHash) -> impl Iterator<Item = Position> {
        let shard = &self.shards[shard_of(key)];
        let more = shard.more.get(&key).into_iter().flatten().copied();
        shard.first.get(&key).copied().into_iter().chain(more)
    }

    /// Takes note of a segment whose keys were inserted one by one.
    pub(crate) fn seal(&mut self, segment: SealedKeys) {
        self.sealed.push_back(segment);
    }

    /// Drops the segments that ended before a moment, whole: segments leave in order, so all of
    /// a key's events up to the segment's end leave with it.
    pub(crate) fn forget_before(&mut self, since: Timestamp) {
        while let Some(segment) = self.sealed.pop_front_if(|s| s.recorded_at < since) {
            let entries = entries(&segment).expect("they were read, or written here");
            for (key, _) in entries.iter().map(|entry| read_entry(segment.first_position, entry)) {
                self.shards[shard_of(key)].forget(key, segment.last_position);
            }
        }
    }
}

/// Entries of one segment, and its first position.
type Part<'a> = (Position, &'a [[u8; ENTRY_BYTES]]);

/// What each shard gets of each segment, in order.
fn parts_by_shard(sealed: &[SealedKeys]) -> Result<Vec<Vec<Part<'_>>>, JournalError> {
    let mut parts = vec![Vec::new(); SHARDS];
    for segment in sealed {
        let mut rest = entries(segment)?;
        for (number, parts) in parts.iter_mut().enumerate() {
            let is_in_it = |entry: &&[u8; ENTRY_BYTES]| usize::from(entry[0]) == number;
            let (part, others) = rest.split_at(rest.iter().take_while(is_in_it).count());
            parts.push((segment.first_position, part));
            rest = others;
        }
        // They are sorted, or some would have been passed over.
        if !rest.is_empty() {
            return Err(corrupt(segment.first_position));
        }
    }
    Ok(parts)
}

impl Shard {
    fn fill(&mut self, parts: &[Part<'_>]) {
        self.first.reserve(parts.iter().map(|(_, part)| part.len()).sum());
        for (first_position, part) in parts {
            let read = part.iter().map(|entry| read_entry(*first_position, entry));
            read.for_each(|(key, position)| self.insert(key, position));
        }
    }

    fn insert(&mut self, key: KeyHash, position: Position) {
        match self.first.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(position);
            }
            Entry::Occupied(_) => self.more.entry(key).or_default().push_back(position),
        }
    }

    fn forget(&mut self, key: KeyHash, up_to: Position) {
        let Entry::Occupied(mut first) = self.first.entry(key) else { return };
        while *first.get() <= up_to {
            match self.more.get_mut(&key).and_then(VecDeque::pop_front) {
                Some(next) => {
                    first.insert(next);
                }
                None => {
                    first.remove();
                    break;
                }
            }
        }
        if self.more.get(&key).is_some_and(VecDeque::is_empty) {
            self.more.remove(&key);
        }
    }
}

fn shard_of(key: KeyHash) -> usize {
    usize::from(key.0.to_be_bytes()[0])
}

/// Writes a segment's keys, which must be sorted.
pub(crate) fn write(first_position: Position, keys: &[(KeyHash, Position)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(keys.len() * ENTRY_BYTES);
    for (key, position) in keys {
        let offset = u16::try_from(position.0 - first_position.0)
            .expect("a segment has at most 65,536 positions");
        bytes.extend_from_slice(&key.0.to_be_bytes());
        bytes.extend_from_slice(&offset.to_be_bytes());
    }
    bytes
}

/// What [`write`] wrote, entry by entry.
fn entries(segment: &SealedKeys) -> Result<&[[u8; ENTRY_BYTES]], JournalError> {
    let (entries, []) = segment.keys.as_chunks() else {
        return Err(corrupt(segment.first_position));
    };
    Ok(entries)
}

fn read_entry(first_position: Position, entry: &[u8; ENTRY_BYTES]) -> (KeyHash, Position) {
    let [a, b, c, d, e, f, g, h, high, low] = *entry;
    let offset = u16::from_be_bytes([high, low]);
    let key = KeyHash(u64::from_be_bytes([a, b, c, d, e, f, g, h]));
    (key, first_position.plus(u64::from(offset)))
}

fn corrupt(position: Position) -> JournalError {
    JournalError::Corrupt { position, why: "the keys of its segment".to_owned() }
}

/// Spreads hashes over the table with a secret of this process. The hashes are mixed well
/// already, but anybody can compute them, and so could pick keys that share a bucket.
#[derive(Clone)]
pub(crate) struct Scatter {
    secret: u64,
}

impl Default for Scatter {
    fn default() -> Scatter {
        Scatter { secret: RandomState::new().hash_one(0) }
    }
}

impl BuildHasher for Scatter {
    type Hasher = Scattered;
    fn build_hasher(&self) -> Scattered {
        Scattered(self.secret)
    }
}

pub(crate) struct Scattered(u64);

impl Hasher for Scattered {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, hash: u64) {
        // Both halves of the product, because its low bits alone would keep an attacker's choice.
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mixed = self.0 ^ hash;
        let high = (u128::from(mixed) * u128::from(ODD)) >> 64;
        self.0 = high as u64 ^ mixed.wrapping_mul(ODD);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(u64, u64)]) -> KeyTable {
        let mut table = KeyTable::of(Vec::new()).unwrap();
        for (key, position) in entries {
            table.insert(KeyHash(*key), Position(*position));
        }
        table
    }

    fn segment(first: u64, last: u64, seconds: i64, keys: &[(u64, u64)]) -> SealedKeys {
        let keys: Vec<_> = keys.iter().map(|(key, at)| (KeyHash(*key), Position(*at))).collect();
        SealedKeys {
            first_position: Position(first),
            last_position: Position(last),
            recorded_at: at(seconds),
            keys: write(Position(first), &keys),
        }
    }

    fn found(table: &KeyTable, key: u64) -> Vec<u64> {
        table.find(KeyHash(key)).map(|position| position.0).collect()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::default().plus_seconds(seconds)
    }

    #[test]
    fn keys_that_collide_are_all_found() {
        let table = table(&[(7, 1), (7, 2), (8, 3), (7, 4)]);
        assert_eq!(found(&table, 7), [1, 2, 4]);
        assert_eq!(found(&table, 8), [3]);
        assert!(found(&table, 9).is_empty());
    }

    #[test]
    fn a_segment_outside_the_window_takes_only_its_own_events_along() {
        let mut table = table(&[(7, 1), (7, 2), (8, 2), (7, 3), (9, 4)]);
        table.seal(segment(1, 2, 10, &[(7, 1), (7, 2), (8, 2)]));
        table.seal(segment(3, 4, 20, &[(7, 3), (9, 4)]));
        table.forget_before(at(10));
        assert_eq!(found(&table, 7), [1, 2, 3]);
        table.forget_before(at(11));
        assert_eq!(found(&table, 7), [3]);
        assert!(found(&table, 8).is_empty());
        assert_eq!(found(&table, 9), [4]);
        table.forget_before(at(21));
        assert!(found(&table, 7).is_empty());
        let is_empty = |shard: &Shard| shard.first.is_empty() && shard.more.is_empty();
        assert!(table.shards.iter().all(is_empty));
    }

    #[test]
    fn saved_segments_make_the_same_table() {
        let first = 65_537;
        let keys = [(1, first), (2, first), (u64::MAX / 2, first + 1), (u64::MAX, first + 65_535)];
        let later = [(0, first + 65_536), (2, first + 65_540), (u64::MAX, first + 65_536)];
        let saved = vec![
            segment(first, first + 65_535, 10, &keys),
            segment(first + 65_536, first + 131_071, 20, &later),
        ];
        let mut table = KeyTable::of(saved).unwrap();
        assert_eq!(found(&table, 0), [first + 65_536]);
        assert_eq!(found(&table, 1), [first]);
        assert_eq!(found(&table, 2), [first, first + 65_540]);
        assert_eq!(found(&table, u64::MAX / 2), [first + 1]);
        assert_eq!(found(&table, u64::MAX), [first + 65_535, first + 65_536]);
        table.forget_before(at(11));
        assert_eq!(found(&table, 2), [first + 65_540]);
        assert!(found(&table, 1).is_empty());
    }

    #[test]
    fn keys_that_are_cut_off_or_out_of_order_are_refused() {
        let mut cut = segment(1, 2, 10, &[(7, 1)]);
        cut.keys.push(0);
        assert!(KeyTable::of(vec![cut]).is_err());
        assert!(KeyTable::of(vec![segment(1, 2, 10, &[(u64::MAX, 1), (7, 2)])]).is_err());
    }
}
