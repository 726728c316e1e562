//! The states that commands are decided on: in memory while they are used, otherwise rebuilt
//! from a snapshot and the events after it.

use std::collections::HashSet;
use std::hash::Hash;
use std::num::NonZeroUsize;

use lru::LruCache;
use quipu_domain::agent::{Agent, AgentEvent};
use quipu_domain::epoch::{Epoch, EpochEvent};
use quipu_domain::event::Inconsistency;
use quipu_domain::meter::{Meter, MeterEvent};
use quipu_domain::period::{PeriodEvent, Periods};
use quipu_domain::price_table::{PriceTable, PriceTableEvent};
use quipu_domain::subject::{SubjectEvent, SubjectRegister};
use quipu_domain::tenant::{Tenant, TenantEvent};
use quipu_domain::wallet::{Wallet, WalletEvent};
use quipu_domain::{Event, Position, Recorded, Stream, Version};
use quipu_journal::Snapshot;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::EngineError;
use crate::past::Past;

/// A snapshot is taken each time a stream has grown by so many events, and all of these are kept:
/// rebuilding a state at any version reads fewer events than this.
const SNAPSHOT_INTERVAL_EVENTS: u64 = 1_024;

/// Events of one stream that lie far apart cost a row of the journal each, so another snapshot
/// is taken when the last is so many positions old. It takes the place of the last such.
const SNAPSHOT_SPAN_POSITIONS: u64 = 65_536;

/// A snapshot between those of the interval is worth its cost after so many events, and after
/// enough of them that it writes at most so many bytes for each: about what reading one again costs.
const SNAPSHOT_LEAST_EVENTS: u64 = 32;
const SNAPSHOT_MOST_BYTES_PER_EVENT: u64 = 64;

/// What the engine needs to know of an aggregate.
pub(crate) trait State: Default + Clone + Serialize + DeserializeOwned {
    /// Names the shape of the serialised state; a snapshot of another shape is ignored.
    const SCHEMA: &'static str;
    /// Its events.
    type Event: Serialize;
    /// Takes an event in.
    fn fold(&mut self, event: &Self::Event) -> Result<(), Inconsistency>;
    /// The event, if it is one of this aggregate's.
    fn own(event: &Event) -> Option<&Self::Event>;
    /// The event among all events.
    fn wrap(event: Self::Event) -> Event;
    /// Whether an event could be larger than the journal takes, and has to be measured.
    fn may_be_large(_: &Self::Event) -> bool {
        true
    }
}

macro_rules! state {
    ($state:ident, $event:ident, $variant:ident $(, $may_be_large:path)?) => {
        impl State for $state {
            const SCHEMA: &'static str = $state::SCHEMA;
            type Event = $event;
            fn fold(&mut self, event: &$event) -> Result<(), Inconsistency> {
                $state::apply(self, event)
            }
            fn own(event: &Event) -> Option<&$event> {
                match event {
                    Event::$variant(event) => Some(event),
                    _ => None,
                }
            }
            fn wrap(event: $event) -> Event {
                Event::$variant(event)
            }
            $(fn may_be_large(event: &$event) -> bool {
                $may_be_large(event)
            })?
        }
    };
}

state!(Tenant, TenantEvent, Tenant);
// A wallet's are written by the ten thousands in a second.
state!(Wallet, WalletEvent, Wallet, crate::size::may_be_large);
state!(Meter, MeterEvent, Meter);
state!(PriceTable, PriceTableEvent, PriceTable);
state!(Agent, AgentEvent, Agent);
state!(Periods, PeriodEvent, Period);
state!(SubjectRegister, SubjectEvent, Subject);
state!(Epoch, EpochEvent, Epoch);

/// A state and where in its stream it stands.
#[derive(Clone, Debug)]
pub(crate) struct Slot<S> {
    pub(crate) stream: Stream,
    pub(crate) state: S,
    pub(crate) version: Version,
    /// Position of the last event in it, durable or not.
    pub(crate) position: Position,
    saved: Saved,
}

/// What a slot remembers of its newest snapshot.
#[derive(Clone, Copy, Debug, Default)]
struct Saved {
    version: Version,
    position: Position,
    bytes: u64,
}

impl<S: State> Slot<S> {
    /// Where a rebuild begins. A snapshot is a cache and never the truth: one that does not read
    /// is as good as none.
    pub(crate) fn start(snapshot: Option<Snapshot>, stream: Stream) -> Slot<S> {
        let read = snapshot.and_then(|snapshot| {
            let state = serde_json::from_str(&snapshot.state).ok()?;
            Some((state, Saved::of(&snapshot)))
        });
        let (state, saved) = read.unwrap_or_default();
        Slot { stream, state, version: saved.version, position: saved.position, saved }
    }

    /// Takes in an event that the journal holds.
    pub(crate) fn replay(&mut self, recorded: &Recorded) -> Result<(), EngineError> {
        let event = S::own(&recorded.event).filter(|_| recorded.stream == self.stream);
        let fits = recorded.version == self.version.next();
        let (Some(event), true) = (event, fits) else {
            return Err(EngineError::Inconsistent(format!(
                "position {} does not continue {} at version {}",
                recorded.position, self.stream, self.version
            )));
        };
        self.advance(event, recorded.position)
    }

    /// Takes in an event that is about to be written at `position`.
    pub(crate) fn advance(
        &mut self,
        event: &S::Event,
        position: Position,
    ) -> Result<(), EngineError> {
        self.state.fold(event).map_err(|error| {
            EngineError::Inconsistent(format!("{} at position {position}: {error}", self.stream))
        })?;
        self.version = self.version.next();
        self.position = position;
        Ok(())
    }

    /// A snapshot, if one is due after the event that was taken in last.
    pub(crate) fn due_snapshot(&mut self) -> Option<Snapshot> {
        let is_at_interval = self.version.0.is_multiple_of(SNAPSHOT_INTERVAL_EVENTS);
        let span = self.position.0.saturating_sub(self.saved.position.0);
        let is_far = span >= SNAPSHOT_SPAN_POSITIONS;
        (is_at_interval || is_far && self.is_worth_a_snapshot()).then(|| self.snapshot())
    }

    /// A snapshot, if the state has grown enough since the last.
    fn worthwhile_snapshot(&mut self) -> Option<Snapshot> {
        self.is_worth_a_snapshot().then(|| self.snapshot())
    }

    fn is_worth_a_snapshot(&self) -> bool {
        let events = self.version.0.saturating_sub(self.saved.version.0);
        let pays = events.saturating_mul(SNAPSHOT_MOST_BYTES_PER_EVENT) >= self.saved.bytes;
        events >= SNAPSHOT_LEAST_EVENTS && pays
    }

    /// The state as a cache entry of the journal.
    fn snapshot(&mut self) -> Snapshot {
        let last = self.saved.version;
        let snapshot = Snapshot {
            stream: self.stream.clone(),
            version: self.version,
            position: self.position,
            schema_hash: S::SCHEMA.to_owned(),
            state: serde_json::to_string(&self.state)
                .expect("a state is made of strings, numbers and maps with string keys"),
            supersedes: (!last.0.is_multiple_of(SNAPSHOT_INTERVAL_EVENTS)).then_some(last),
        };
        self.saved = Saved::of(&snapshot);
        snapshot
    }
}

impl Saved {
    fn of(snapshot: &Snapshot) -> Saved {
        let bytes = snapshot.state.len() as u64;
        Saved { version: snapshot.version, position: snapshot.position, bytes }
    }
}

/// The states of one kind that are in memory, the least recently used leaving first.
pub(crate) struct Cache<K: Hash + Eq, S> {
    slots: LruCache<K, Slot<S>>,
    most: usize,
}

impl<K: Hash + Eq + Clone, S: State> Cache<K, S> {
    pub(crate) fn new(most: NonZeroUsize) -> Cache<K, S> {
        // `lru` would drop states itself at its capacity; which may leave is decided in `trim`.
        Cache { slots: LruCache::unbounded(), most: most.get() }
    }

    /// Sees to it that the slot of `key` is in memory. `stream` names it only when it is not in memory.
    pub(crate) fn load(
        &mut self,
        key: &K,
        stream: impl FnOnce() -> Stream,
        past: &Past,
    ) -> Result<(), EngineError> {
        if !self.slots.contains(key) {
            let slot = past.rebuild(stream(), None)?;
            self.slots.put(key.clone(), slot);
        }
        Ok(())
    }

    /// The same for many keys, which asks the store once and not once for each.
    pub(crate) fn load_all(
        &mut self,
        keys: impl Iterator<Item = K>,
        stream: impl Fn(&K) -> Stream,
        past: &Past,
    ) -> Result<(), EngineError> {
        let absent: HashSet<K> = keys.filter(|key| !self.slots.contains(key)).collect();
        if absent.is_empty() {
            return Ok(());
        }
        let absent: Vec<K> = absent.into_iter().collect();
        let slots = past.rebuild_all(absent.iter().map(stream).collect(), None)?;
        for (key, slot) in absent.into_iter().zip(slots) {
            self.slots.put(key, slot);
        }
        Ok(())
    }

    /// The slot of `key`, which must be in memory, to be changed.
    pub(crate) fn loaded_mut(&mut self, key: &K) -> &mut Slot<S> {
        self.slots.get_mut(key).expect("a decision loads what it needs first")
    }

    /// The slot of `key`, which must be in memory.
    pub(crate) fn loaded(&self, key: &K) -> &Slot<S> {
        self.get(key).expect("a decision loads what it needs first")
    }

    /// The slot of `key`, if it is in memory.
    pub(crate) fn get(&self, key: &K) -> Option<&Slot<S>> {
        self.slots.peek(key)
    }

    /// Puts back how a state was before something that is now undone.
    pub(crate) fn restore(&mut self, key: K, slot: Slot<S>) {
        self.slots.put(key, slot);
    }
}

/// What is done to the states of every kind.
pub(crate) trait AnyCache {
    /// Forgets everything: what was decided on it will not become durable.
    fn clear(&mut self);

    /// Lets the least recently used go until the limit is kept, but none with events that are
    /// not durable: the journal could not give them back. Returns their snapshots, where they
    /// have grown since the last.
    fn trim(&mut self, durable: Position) -> Vec<Snapshot>;

    /// Snapshots of everything in memory, for a quick start next time.
    fn snapshots(&mut self) -> Vec<Snapshot>;
}

impl<K: Hash + Eq, S: State> AnyCache for Cache<K, S> {
    fn clear(&mut self) {
        self.slots.clear();
    }

    fn trim(&mut self, durable: Position) -> Vec<Snapshot> {
        let mut snapshots = Vec::new();
        while self.slots.len() > self.most
            && self.slots.peek_lru().is_some_and(|(_, slot)| slot.position <= durable)
        {
            let Some((_, mut slot)) = self.slots.pop_lru() else { break };
            snapshots.extend(slot.worthwhile_snapshot());
        }
        snapshots
    }

    fn snapshots(&mut self) -> Vec<Snapshot> {
        self.slots.iter_mut().filter_map(|(_, slot)| slot.worthwhile_snapshot()).collect()
    }
}
