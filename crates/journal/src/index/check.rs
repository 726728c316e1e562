//! Saved segments against the journal that they were derived from.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use quipu_domain::{Position, Recorded};

use super::OpenSegment;
use crate::key::keys_of;
use crate::{JournalError, Root, SEGMENT_LENGTH, SealedSegment, SegmentBounds, SegmentEnd, Store};

/// Derives the saved segments again while the journal is read, and compares each. It holds one
/// segment and some bytes of each other, however long the journal is.
pub struct SegmentCheck {
    /// Those that were saved when the check began, as far as their ends are yet to come.
    saved: VecDeque<(SegmentBounds, Lists)>,
    open: Option<OpenSegment>,
    secret: RandomState,
}

/// A saved segment that is not what the journal gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentMisfit {
    /// Which.
    pub bounds: SegmentBounds,
    /// What is wrong with it.
    pub what: String,
}

/// The posting lists of a segment, in any order: how many, and the sum of their hashes. The hash has
/// a secret of this process, so nobody can have prepared other lists with the same sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lists {
    count: u64,
    sum: u64,
}

impl Lists {
    fn add(&mut self, secret: &RandomState, stream: &str, list: &[u8]) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(secret.hash_one((stream, list)));
    }
}

impl SegmentCheck {
    /// Reads what is saved now. The journal is to be read after that, so that it is never behind.
    pub fn begin(store: &dyn Store) -> Result<SegmentCheck, JournalError> {
        let bounds = store.segment_bounds()?;
        let secret = RandomState::new();
        let mut lists: HashMap<SegmentBounds, Lists> =
            bounds.iter().map(|bounds| (*bounds, Lists::default())).collect();
        if !lists.is_empty() {
            store.each_posting(&mut |stream, bounds, list| {
                // One of no such segment is left over, and nobody reads it.
                if let Some(lists) = lists.get_mut(&bounds) {
                    lists.add(&secret, stream, list);
                }
            })?;
        }
        let saved = bounds.into_iter().map(|bounds| (bounds, lists[&bounds])).collect();
        Ok(SegmentCheck { saved, open: None, secret })
    }

    /// The last positions of the saved segments that are yet to come, in order.
    pub fn ends(&self) -> impl Iterator<Item = Position> {
        self.saved.iter().map(|(bounds, _)| bounds.last_position)
    }

    /// Takes in the journal's next event. `peaks` is the hash tree's right edge after it, where a
    /// saved segment ends with it.
    pub fn event(
        &mut self,
        store: &dyn Store,
        recorded: &Recorded,
        peaks: Option<&[Root]>,
    ) -> Result<Option<SegmentMisfit>, JournalError> {
        let Some((bounds, lists)) = self.saved.front().copied() else { return Ok(None) };
        let position = recorded.position;
        if self.open.is_none() && bounds.first_position > position {
            return Ok(None);
        }
        let open = match &mut self.open {
            Some(open) => open,
            None if bounds.first_position == position && is_possible(bounds) => {
                self.open.insert(OpenSegment::after(Position(position.0 - 1)))
            }
            None => return Ok(misfit(bounds, "none begins or ends there")),
        };
        open.add(&recorded.stream, position);
        open.keys.extend(keys_of(recorded).map(|key| (key, position)));
        let Some(peaks) = peaks.filter(|_| position == bounds.last_position) else {
            return Ok(None);
        };
        let end = SegmentEnd { position, recorded_at: recorded.recorded_at, peaks: peaks.to_vec() };
        let derived = self.open.take().map(|open| open.seal(end));
        self.saved.pop_front();
        derived.map_or(Ok(None), |derived| self.compare(store, &derived, lists))
    }

    /// Up to where events were that segments were saved of, where some of these never came.
    #[must_use]
    pub fn beyond_the_end(&self) -> Option<Position> {
        self.ends().last()
    }

    fn compare(
        &self,
        store: &dyn Store,
        derived: &SealedSegment,
        lists: Lists,
    ) -> Result<Option<SegmentMisfit>, JournalError> {
        let bounds = derived.bounds();
        // A server that has started meanwhile may have made its segments anew.
        let Some(saved) = store.saved_segment(bounds)? else { return Ok(None) };
        if saved.end != derived.end {
            return Ok(misfit(bounds, "its time, or the hash tree at its end"));
        }
        if saved.keys != derived.keys {
            return Ok(misfit(bounds, "the keys of its events"));
        }
        let mut expected = Lists::default();
        for (stream, list) in &derived.postings {
            expected.add(&self.secret, stream.as_str(), list);
        }
        if expected == lists {
            return Ok(None);
        }
        let Some(stream) = differing(store, derived)? else { return Ok(None) };
        let still_there = store.saved_segment(bounds)?.is_some();
        Ok(misfit(bounds, &format!("where the events of {stream} are")).filter(|_| still_there))
    }
}

/// Whether a segment can begin and end so.
fn is_possible(bounds: SegmentBounds) -> bool {
    let length = bounds.last_position.0.checked_sub(bounds.first_position.0);
    length.is_some_and(|length| length < SEGMENT_LENGTH as u64)
}

fn misfit(bounds: SegmentBounds, what: &str) -> Option<SegmentMisfit> {
    Some(SegmentMisfit { bounds, what: what.to_owned() })
}

/// The first stream whose saved list is not the derived one.
fn differing(store: &dyn Store, derived: &SealedSegment) -> Result<Option<String>, JournalError> {
    let mut missing: HashMap<&str, &[u8]> =
        derived.postings.iter().map(|(stream, list)| (stream.as_str(), list.as_slice())).collect();
    let mut wrong = None;
    store.each_posting(&mut |stream, bounds, list| {
        if bounds == derived.bounds() && missing.remove(stream) != Some(list) {
            wrong.get_or_insert_with(|| stream.to_owned());
        }
    })?;
    Ok(wrong.or_else(|| missing.into_keys().min().map(ToOwned::to_owned)))
}
