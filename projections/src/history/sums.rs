//! Sums by key, and their way to bytes and back.

use std::collections::BTreeMap;

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
    pub(crate) fn add(
        &mut self,
        key: &S::Key,
        amounts: &S::Amounts,
    ) -> Result<(), ProjectionError> {
        let Some(sum) = self.0.get_mut(key) else {
            self.0.insert(key.clone(), *amounts);
            return Ok(());
        };
        for (sum, amount) in sum.as_mut().iter_mut().zip(amounts.as_ref()) {
            let added = sum.checked_add(*amount);
            *sum = added.ok_or(ProjectionError::Overflow { what: "a sum" })?;
        }
        S::normalise(sum);
        if sum.as_ref().iter().all(|amount| *amount == 0) {
            self.0.remove(key);
        }
        Ok(())
    }

    /// Takes other sums off.
    pub(super) fn take_off(&mut self, other: &Sums<S>) -> Result<(), ProjectionError> {
        for (key, amounts) in other.iter() {
            let mut negative = *amounts;
            for amount in negative.as_mut() {
                let negated = amount.checked_neg();
                *amount = negated.ok_or(ProjectionError::Overflow { what: "a sum" })?;
            }
            self.add(key, &negative)?;
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
        names: Vec<&str>,
        written: &[u8],
    ) -> Option<Result<(), ProjectionError>> {
        let mut parts = Parts::<S>::of(names, written);
        while !parts.numbers.is_empty() {
            let (key, amounts) = parts.next()?;
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
    amounts.filter(|amount| **amount != 0).for_each(|amount| bytes::put_wide(bytes, *amount));
}

/// Reads what [`write_part`] wrote. A row is about a few keys over and over, and most of the time
/// to read it would go into making their texts: so the last few are remembered by their bytes.
pub(super) struct Parts<'a, S: Subject> {
    names: Vec<&'a str>,
    /// What is to be read: parts, and whatever a row has between them.
    pub(super) numbers: Numbers<'a>,
    remembered: Vec<(&'a [u8], S::Key)>,
    /// Which of them is to be forgotten next.
    oldest: usize,
}

const REMEMBERED_KEYS: usize = 8;

impl<'a, S: Subject> Parts<'a, S> {
    pub(super) const fn of(names: Vec<&'a str>, written: &'a [u8]) -> Parts<'a, S> {
        Parts { names, numbers: Numbers::of(written), remembered: Vec::new(), oldest: 0 }
    }

    /// The next part; `None` where the bytes are no such thing.
    pub(super) fn next(&mut self) -> Option<(&S::Key, S::Amounts)> {
        let at = self.next_key()?;
        let mask = self.numbers.next()?;
        let mut amounts = S::Amounts::default();
        for (place, amount) in amounts.as_mut().iter_mut().enumerate() {
            if (mask >> place) & 1 == 1 {
                *amount = self.numbers.next_wide()?;
            }
        }
        Some((&self.remembered[at].1, amounts))
    }

    /// Where the next key is among those that are remembered. One key's bytes are never the
    /// beginning of another's, because each number says where it ends.
    fn next_key(&mut self) -> Option<usize> {
        let written = self.numbers.rest();
        let known = self.remembered.iter().position(|(bytes, _)| written.starts_with(bytes));
        if let Some(at) = known {
            self.numbers.skip_bytes(self.remembered[at].0.len());
            return Some(at);
        }
        let key = S::Key::read(&self.names, &mut self.numbers)?;
        let remembered = (&written[..written.len() - self.numbers.rest().len()], key);
        if self.remembered.len() < REMEMBERED_KEYS {
            self.remembered.push(remembered);
            return Some(self.remembered.len() - 1);
        }
        let at = self.oldest;
        self.remembered[at] = remembered;
        self.oldest = (at + 1) % REMEMBERED_KEYS;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use quipu_domain::{GrantId, HoldId, Position};

    use super::*;
    use crate::book_history::{Book, BookKey};

    #[test]
    fn keys_come_back_whether_they_are_remembered_or_not() {
        let lot = |number| BookKey::Lot(GrantId(Position(number)));
        let hold = |number| BookKey::Hold(HoldId(Position(number)));
        // More of them than are remembered, again and again.
        let keys =
            (0..200_u64).map(|at| if at % 3 == 0 { hold(at % 24) } else { lot(at * 7 % 130) });
        let parts: Vec<_> =
            keys.zip(1..).map(|(key, amount)| (key, [amount, 0, 0, 0, -1])).collect();
        let (mut names, mut bytes) = (Names::none(), Vec::new());
        for (key, amounts) in &parts {
            write_part::<Book>(key, amounts, &mut names, &mut bytes);
        }
        let mut read = Parts::<Book>::of(names.all(), &bytes);
        for (key, amounts) in &parts {
            assert_eq!(read.next(), Some((key, *amounts)));
        }
        assert!(read.numbers.is_empty());
    }
}
