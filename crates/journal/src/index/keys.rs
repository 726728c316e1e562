//! Key hashes: one table in memory over the whole window, ten bytes a key in a saved segment.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};

use quipu_domain::{Position, Timestamp};

use crate::{JournalError, KeyHash};

const ENTRY_BYTES: usize = 10;

/// Where each key of the window was used.
#[derive(Default)]
pub(crate) struct KeyTable {
    /// The first event of each hash; nearly always the only one.
    first: HashMap<KeyHash, Position, Scatter>,
    /// Further events: those of a command with several, or of a key that collides.
    more: HashMap<KeyHash, VecDeque<Position>, Scatter>,
    /// What to forget when a segment leaves the window, oldest first.
    sealed: VecDeque<Sealed>,
}

struct Sealed {
    last_position: Position,
    recorded_at: Timestamp,
    keys: Box<[KeyHash]>,
}

impl KeyTable {
    /// A table that takes so many keys without growing: at a start with millions of keys, growing
    /// would cost as much as filling.
    pub(crate) fn with_room_for(keys: usize) -> KeyTable {
        let first = HashMap::with_capacity_and_hasher(keys, Scatter::default());
        KeyTable { first, ..KeyTable::default() }
    }

    pub(crate) fn insert(&mut self, key: KeyHash, position: Position) {
        match self.first.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(position);
            }
            Entry::Occupied(_) => self.more.entry(key).or_default().push_back(position),
        }
    }

    pub(crate) fn find(&self, key: KeyHash) -> impl Iterator<Item = Position> {
        let more = self.more.get(&key).into_iter().flatten().copied();
        self.first.get(&key).copied().into_iter().chain(more)
    }

    pub(crate) fn seal(
        &mut self,
        last_position: Position,
        recorded_at: Timestamp,
        keys: &[(KeyHash, Position)],
    ) {
        let keys = keys.iter().map(|(key, _)| *key).collect();
        self.sealed.push_back(Sealed { last_position, recorded_at, keys });
    }

    /// Drops the segments that ended before a moment, whole: segments leave in order, so all of
    /// a key's events up to the segment's end leave with it.
    pub(crate) fn forget_before(&mut self, since: Timestamp) {
        while let Some(segment) = self.sealed.pop_front_if(|s| s.recorded_at < since) {
            for key in segment.keys {
                self.forget(key, segment.last_position);
            }
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

/// Reads what [`write`] wrote.
pub(crate) fn read(
    first_position: Position,
    bytes: &[u8],
) -> Result<Vec<(KeyHash, Position)>, JournalError> {
    let (entries, []) = bytes.as_chunks::<ENTRY_BYTES>() else {
        let why = "the keys of its segment".to_owned();
        return Err(JournalError::Corrupt { position: first_position, why });
    };
    let read_entry = |[a, b, c, d, e, f, g, h, high, low]: &[u8; ENTRY_BYTES]| {
        let key = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
        let offset = u16::from_be_bytes([*high, *low]);
        (KeyHash(key), first_position.plus(u64::from(offset)))
    };
    Ok(entries.iter().map(read_entry).collect())
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
        let mut table = KeyTable::default();
        for (key, position) in entries {
            table.insert(KeyHash(*key), Position(*position));
        }
        table
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
        let keys = |keys: &[u64]| -> Vec<(KeyHash, Position)> {
            keys.iter().map(|key| (KeyHash(*key), Position(0))).collect()
        };
        table.seal(Position(2), at(10), &keys(&[7, 7, 8]));
        table.seal(Position(4), at(20), &keys(&[7, 9]));
        table.forget_before(at(10));
        assert_eq!(found(&table, 7), [1, 2, 3]);
        table.forget_before(at(11));
        assert_eq!(found(&table, 7), [3]);
        assert!(found(&table, 8).is_empty());
        assert_eq!(found(&table, 9), [4]);
        table.forget_before(at(21));
        assert!(found(&table, 7).is_empty());
        assert!(table.first.is_empty() && table.more.is_empty());
    }

    #[test]
    fn a_segment_s_keys_survive_being_saved() {
        let first = Position(65_537);
        let keys = vec![(KeyHash(1), first), (KeyHash(u64::MAX), first.plus(65_535))];
        assert_eq!(read(first, &write(first, &keys)).unwrap(), keys);
        assert!(read(first, &[0; 11]).is_err());
    }
}
