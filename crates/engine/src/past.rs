//! What is durable: the journal, and states made from it again.

use std::collections::HashMap;
use std::sync::Arc;

use quipu_domain::{Label, Position, Recorded, Stream, Version};
use quipu_journal::{Index, Journal, JournalError, Snapshot, Store};

use crate::EngineError;
use crate::aggregates::{Slot, State};

/// Events that are read from the journal at once while a state is rebuilt.
const EVENTS_AT_ONCE: usize = 1_024;

/// The journal, and how to find something in it.
pub(crate) struct Past {
    pub(crate) journal: Journal,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) index: Index,
}

impl Past {
    /// The positions of a stream.
    pub(crate) fn positions(&self, stream: &Stream) -> Result<Vec<Position>, EngineError> {
        let wanted = [(stream.clone(), Position::ZERO)];
        let lists = self.index.positions(self.store.as_ref(), &wanted).map_err(unavailable)?;
        Ok(lists.into_iter().flatten().collect())
    }

    /// Durable events, by position.
    pub(crate) fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, EngineError> {
        self.journal.events_at(positions).map_err(unavailable)
    }

    /// The state of a stream: at `version`, or as the journal has it now.
    pub(crate) fn rebuild<S: State>(
        &self,
        stream: Stream,
        version: Option<Version>,
    ) -> Result<Slot<S>, EngineError> {
        let slot = self.rebuild_all(vec![stream], version)?.pop();
        Ok(slot.expect("there is a slot for each stream"))
    }

    /// Shows the state of a stream at each of these versions, which rise: the stream is read once.
    pub(crate) fn at_each<S: State>(
        &self,
        stream: Stream,
        versions: &[Version],
        mut show: impl FnMut(&Slot<S>),
    ) -> Result<(), EngineError> {
        let [first, .., last] = versions else {
            let [only] = versions else { return Ok(()) };
            show(&self.rebuild(stream, Some(*only))?);
            return Ok(());
        };
        let mut slot = self.rebuild(stream, Some(*first))?;
        show(&slot);
        let wanted = [(slot.stream.clone(), slot.position)];
        let lists = self.index.positions(self.store.as_ref(), &wanted).map_err(unavailable)?;
        // J1: versions are gapless, so they say how many events are left to the last one.
        let most = usize::try_from(last.0.saturating_sub(first.0)).unwrap_or(usize::MAX);
        let positions: Vec<Position> = lists.into_iter().flatten().take(most).collect();
        for page in positions.chunks(EVENTS_AT_ONCE) {
            for recorded in self.events_at(page)? {
                slot.replay(&recorded)?;
                if versions.binary_search(&slot.version).is_ok() {
                    show(&slot);
                }
            }
        }
        Ok(())
    }

    /// The states of several streams, none of them twice, in their order.
    pub(crate) fn rebuild_all<S: State>(
        &self,
        streams: Vec<Stream>,
        version: Option<Version>,
    ) -> Result<Vec<Slot<S>>, EngineError> {
        let snapshots = self.store.snapshots(&streams, version, S::SCHEMA).map_err(unavailable)?;
        let mut snapshots: HashMap<Stream, Snapshot> =
            snapshots.into_iter().map(|found| (found.stream.clone(), found)).collect();
        let start = |stream: Stream| Slot::start(snapshots.remove(&stream), stream);
        let mut slots: Vec<Slot<S>> = streams.into_iter().map(start).collect();
        let wanted: Vec<(Stream, Position)> =
            slots.iter().map(|slot| (slot.stream.clone(), slot.position)).collect();
        let lists = self.index.positions(self.store.as_ref(), &wanted).map_err(unavailable)?;
        // Events of many streams are read together: those of one moment stand in the same rows.
        let mut places: Vec<(Position, usize)> = Vec::new();
        for (index, (slot, positions)) in slots.iter().zip(lists).enumerate() {
            // J1: versions are gapless, so they say how many events are left to the last one.
            let most = version.map_or(u64::MAX, |last| last.0.saturating_sub(slot.version.0));
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            places.extend(positions.into_iter().take(most).map(|position| (position, index)));
        }
        places.sort_unstable();
        for page in places.chunks(EVENTS_AT_ONCE) {
            let positions: Vec<Position> = page.iter().map(|(position, _)| *position).collect();
            let events = self.events_at(&positions)?;
            if events.len() != page.len() {
                let why = "the index names positions that the journal does not have";
                return Err(EngineError::Inconsistent(why.to_owned()));
            }
            for (recorded, (_, slot)) in events.iter().zip(page) {
                slots[*slot].replay(recorded)?;
            }
        }
        Ok(slots)
    }
}

/// A journal that does not answer: the caller may try again. One with events of a newer program
/// does, and trying again is of no use.
#[expect(clippy::needless_pass_by_value, reason = "it is used as a function in map_err")]
pub(crate) fn unavailable(error: JournalError) -> EngineError {
    if let JournalError::Newer { .. } = &error {
        return EngineError::Newer { why: error.to_string() };
    }
    EngineError::Unavailable { why: Label::of_any(&error.to_string()) }
}
