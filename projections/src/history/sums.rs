//! Sums by key, and their way to bytes and back.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::{Key, Names, Subject};
use crate::ProjectionError;
use crate::bytes::{self, Numbers};

/// What events added up to, by key. A key whose amounts are all zero is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums<S: Subject>(BTreeMap<S::Key, S::Amounts>);

impl<S: Subject> Default for Sums<S> {
    fn default() -> Sums<S> {
        Sums(BTreeMap::new())
    }
}

impl<S: Subject> Sums<S> {
    /// Each key with its amounts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&S::Key, &S::Amounts)> {
        self.0.iter()
    }

    /// The amounts of a key; zeros where there are none.
    #[must_use]
    pub fn of(&self, key: &S::Key) -> S::Amounts {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// Adds to a key.
    pub(crate) fn add(&mut self, key: S::Key, amounts: &S::Amounts) -> Result<(), ProjectionError> {
        match self.0.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(*amounts);
            }
            Entry::Occupied(mut sum) => {
                for (sum, amount) in sum.get_mut().as_mut().iter_mut().zip(amounts.as_ref()) {
                    let added = sum.checked_add(*amount);
                    *sum = added.ok_or(ProjectionError::Overflow { what: "a sum" })?;
                }
                S::normalise(sum.get_mut());
                if sum.get().as_ref().iter().all(|amount| *amount == 0) {
                    sum.remove();
                }
            }
        }
        Ok(())
    }

    pub(super) fn write(&self, names: &mut Names) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.iter().for_each(|(key, amounts)| write_part::<S>(key, amounts, names, &mut bytes));
        bytes
    }

    /// Adds what [`Sums::write`] wrote; `None` where the bytes are no such thing.
    pub(super) fn add_written(
        &mut self,
        names: &[&str],
        written: &[u8],
    ) -> Option<Result<(), ProjectionError>> {
        let mut numbers = Numbers::of(written);
        while !numbers.is_empty() {
            let (key, amounts) = read_part::<S>(names, &mut numbers)?;
            if let Err(error) = self.add(key, &amounts) {
                return Some(Err(error));
            }
        }
        Some(Ok(()))
    }
}

/// Writes a key, which of its amounts are not zero, and those.
pub(super) fn write_part<S: Subject>(
    key: &S::Key,
    amounts: &S::Amounts,
    names: &mut Names,
    bytes: &mut Vec<u8>,
) {
    key.write(names, bytes);
    let amounts = amounts.as_ref().iter();
    let mask = amounts.clone().rev().fold(0, |mask, amount| (mask << 1) | u64::from(*amount != 0));
    bytes::put(bytes, mask);
    amounts.filter(|amount| **amount != 0).for_each(|amount| bytes::put_signed(bytes, *amount));
}

pub(super) fn read_part<S: Subject>(
    names: &[&str],
    numbers: &mut Numbers<'_>,
) -> Option<(S::Key, S::Amounts)> {
    let key = S::Key::read(names, numbers)?;
    let mask = numbers.next()?;
    let mut amounts = S::Amounts::default();
    for (place, amount) in amounts.as_mut().iter_mut().enumerate() {
        if (mask >> place) & 1 == 1 {
            *amount = numbers.next_signed()?;
        }
    }
    Some((key, amounts))
}
