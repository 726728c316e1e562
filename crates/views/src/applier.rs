//! Folds pages of events, and has rows and checkpoints written in one transaction, so that whatever
//! happens, an event is in the rows exactly once.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use quipu_database::Connection;
use quipu_domain::{Position, Recorded};
use quipu_projections::{Changes, Parked, Partition, Projection, Rows, apply_page};
use uuid::Uuid;

use crate::checkpoints::{self, Checkpoint};
use crate::reads::ParkedPartition;
use crate::refused::{of_rows, report_parked};
use crate::saver::Saver;
use crate::skips::Skips;
use crate::stored::Stored;
use crate::{Feed, FeedError, ViewsError, statements};

/// Some projections and what is in memory of their rows. After any error it is of no use any
/// more: whoever goes on makes a new one.
pub(crate) struct Applier {
    states: Vec<State>,
    /// One for each thread that folds. One beside live commands: with more, a flood on PostgreSQL
    /// multiplied the other tenants' p99 by up to 14 in place of 2 (`quipu bench fairness`).
    shards: Vec<Shard>,
    /// Says whose events are in which shard. Nobody can choose tenants that all fall into one.
    hasher: RandomState,
    cache_rows: usize,
}

/// How far a projection is.
struct State {
    projection: &'static dyn Projection,
    checkpoint: Checkpoint,
    /// The last event in the rows, saved or not.
    folded: Position,
    /// Its id, where it is known.
    last_event: Option<Uuid>,
    /// Events that are left out.
    skipped: BTreeSet<Position>,
}

/// The partitions that one thread folds. No event of one tenant touches a row of another's.
struct Shard {
    /// One for each projection, in the same order.
    folds: Vec<Fold>,
}

/// What a shard has of one projection.
struct Fold {
    rows: Rows,
    parked: HashMap<Partition, Parked>,
    /// Partitions that stopped since the last save.
    parked_now: Vec<Partition>,
}

/// How many events all projections fold before any of them goes on: so many of a page, a megabyte
/// or so, that a core finds them again in its own cache.
const EVENTS_AT_HAND: usize = 512;

impl Applier {
    /// Takes up where the database is. `cache_rows` is how many rows of each table stay in memory
    /// from one transaction to the next.
    pub(crate) fn load(
        connection: &mut Connection,
        projections: &[&'static dyn Projection],
        skips: &Skips,
        cache_rows: usize,
        threads: usize,
    ) -> Result<Applier, ViewsError> {
        projections.iter().try_for_each(|each| checkpoints::start(connection, *each))?;
        let checkpoints = checkpoints::read(connection)?;
        let state = |projection: &&'static dyn Projection| {
            let checkpoint = checkpoints.get(projection.name()).copied().unwrap_or_default();
            State {
                projection: *projection,
                checkpoint,
                folded: checkpoint.position,
                last_event: checkpoint.last_event,
                skipped: skips.positions(*projection),
            }
        };
        let states: Vec<State> = projections.iter().map(state).collect();
        let shard = || Shard { folds: states.iter().map(Fold::of).collect() };
        let shards = std::iter::repeat_with(shard).take(threads).collect();
        let mut applier = Applier { states, shards, hasher: RandomState::new(), cache_rows };
        for stopped in checkpoints::read_parked(connection)? {
            let name = |projection: &&'static dyn Projection| projection.name();
            if let Some(at) = projections.iter().map(name).position(|it| it == stopped.projection) {
                let ParkedPartition { tenant, position, error, .. } = stopped.partition;
                let shard = applier.shard_of(applier.hasher.hash_one(&tenant));
                let parked = Parked { position, error };
                applier.shards[shard].folds[at].parked.insert(tenant, parked);
            }
        }
        Ok(applier)
    }

    /// The last event that all its projections have folded.
    pub(crate) fn position(&self) -> Position {
        let positions = self.states.iter().map(|state| state.folded);
        positions.min().unwrap_or_default()
    }

    /// How many threads fold.
    pub(crate) fn threads(&self) -> usize {
        self.shards.len()
    }

    /// The last event that is saved of all its projections, or on its way to be.
    pub(crate) fn saved(&self) -> Position {
        let positions = self.states.iter().map(|state| state.checkpoint.position);
        positions.min().unwrap_or_default()
    }

    /// Each projection's checkpoint: saved, or on its way to be.
    pub(crate) fn checkpoints(&self) -> impl Iterator<Item = (&'static str, Checkpoint)> + '_ {
        self.states.iter().map(|state| (state.projection.name(), state.checkpoint))
    }

    /// Rows that wait to be saved.
    pub(crate) fn changed_rows(&self) -> usize {
        let folds = self.shards.iter().flat_map(|shard| &shard.folds);
        folds.map(|fold| fold.rows.changed_rows()).sum()
    }

    /// Each projection with the number of its stopped partitions, and of events left out.
    pub(crate) fn stopped(&self) -> impl Iterator<Item = (&'static str, usize, usize)> + '_ {
        self.states.iter().enumerate().map(|(at, state)| {
            let parked = self.folds_of(at).map(|fold| fold.parked.len()).sum();
            (state.projection.name(), parked, state.skipped.len())
        })
    }

    /// Folds the events after [`Applier::position`] into the rows in memory.
    pub(crate) fn fold(
        &mut self,
        saver: &mut Saver,
        feed: &dyn Feed,
        events: &[&Recorded],
    ) -> Result<(), ViewsError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        if first.position != self.position().plus(1) {
            return Err(FeedError(format!("event {} is missing", self.position().plus(1))).into());
        }
        let shares = self.shares(events);
        let source = Stored::new(saver, feed);
        let states = &self.states;
        let (own, others) = self.shards.split_first_mut().expect("somebody folds");
        std::thread::scope(|scope| {
            let others: Vec<_> = std::iter::zip(others, &shares[1..])
                .map(|(shard, share)| scope.spawn(|| shard.fold(states, share, &source)))
                .collect();
            let own = own.fold(states, &shares[0], &source);
            let joined = others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.fold(own, Result::and)
        })?;
        for state in self.states.iter_mut().filter(|state| state.folded < last.position) {
            state.folded = last.position;
            state.last_event = Some(last.id);
        }
        Ok(())
    }

    /// A page, shard by shard, and within one tenant by tenant, each in order: rows that were just
    /// used are found several times as fast.
    fn shares<'a>(&self, events: &[&'a Recorded]) -> Vec<Vec<&'a Recorded>> {
        let hashed = events.iter().map(|event| (self.hasher.hash_one(&event.tenant), *event));
        let mut hashed: Vec<(u64, &Recorded)> = hashed.collect();
        hashed.sort_by_key(|(hash, _)| *hash);
        let mut shares = vec![Vec::new(); self.shards.len()];
        for (hash, event) in hashed {
            shares[self.shard_of(hash)].push(event);
        }
        shares
    }

    /// Whose partition has this hash.
    fn shard_of(&self, hash: u64) -> usize {
        usize::try_from(hash % self.shards.len() as u64).expect("a shard's number is small")
    }

    fn folds_of(&self, projection: usize) -> impl Iterator<Item = &Fold> {
        self.shards.iter().map(move |shard| &shard.folds[projection])
    }

    /// Has what was folded written, in one transaction, while more is folded. `then` is called
    /// once it is in the database.
    pub(crate) fn save(
        &mut self,
        saver: &mut Saver,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<(), ViewsError> {
        // What is on its way stays in memory until more is taken.
        saver.wait()?;
        let mut unsaved = self.take_unsaved();
        saver.save(move |connection| {
            connection.transaction(|connection| {
                unsaved.iter_mut().try_for_each(|part| part.write(connection))
            })?;
            unsaved.iter().for_each(Unsaved::report);
            then();
            Ok(())
        })
    }

    /// What is different from the database: from here on, it is taken for saved.
    pub(crate) fn take_unsaved(&mut self) -> Vec<Unsaved> {
        let most_rows = self.cache_rows / self.shards.len();
        let mut unsaved = Vec::new();
        for (at, state) in self.states.iter_mut().enumerate() {
            if state.checkpoint.position == state.folded {
                continue;
            }
            let name = state.projection.name();
            let from = state.checkpoint;
            let to = Checkpoint { position: state.folded, last_event: state.last_event, ..from };
            let (mut changes, mut parked) = (Vec::new(), Vec::new());
            for fold in self.shards.iter_mut().map(|shard| &mut shard.folds[at]) {
                changes.append(&mut fold.rows.changes());
                fold.rows.mark_saved(most_rows);
                parked.append(&mut fold.take_parked());
            }
            state.checkpoint = to;
            unsaved.push(Unsaved { projection: name, from, to, changes, parked });
        }
        unsaved
    }
}

/// What some events have made of one projection.
pub(crate) struct Unsaved {
    projection: &'static str,
    from: Checkpoint,
    to: Checkpoint,
    changes: Vec<Changes>,
    /// Partitions that stopped.
    parked: Vec<(Partition, Parked)>,
}

impl Unsaved {
    fn write(&mut self, connection: &mut Connection) -> Result<(), ViewsError> {
        checkpoints::advance(connection, self.projection, self.from, self.to)?;
        self.write_rows(connection)
    }

    /// Writes it without a word of how far the projection is.
    pub(crate) fn write_rows(&mut self, connection: &mut Connection) -> Result<(), ViewsError> {
        statements::write(connection, std::mem::take(&mut self.changes)).map_err(|error| {
            of_rows(error, self.projection, self.from.position, self.to.position)
        })?;
        self.parked.iter().try_for_each(|(partition, parked)| {
            checkpoints::park(connection, self.projection, partition, parked)
        })
    }

    pub(crate) fn report(&self) {
        for (partition, parked) in &self.parked {
            report_parked(self.projection, partition, parked);
        }
    }
}

impl State {
    /// Whether an event is to be folded: not for the second time, and not where it is left out.
    fn wants(&self, event: &Recorded) -> bool {
        event.position > self.folded && !self.skipped.contains(&event.position)
    }
}

impl Shard {
    fn fold(
        &mut self,
        states: &[State],
        events: &[&Recorded],
        source: &Stored<'_>,
    ) -> Result<(), ViewsError> {
        for events in events.chunks(EVENTS_AT_HAND) {
            for (state, fold) in states.iter().zip(&mut self.folds) {
                let wanted = events.iter().copied().filter(|event| state.wants(event));
                fold.apply(state.projection, wanted, source)?;
            }
        }
        Ok(())
    }
}

impl Fold {
    fn of(state: &State) -> Fold {
        let rows = state.projection.rows();
        let is_begun = state.checkpoint.position > Position::ZERO;
        let rows = if is_begun { rows } else { rows.from_the_beginning() };
        Fold { rows, parked: HashMap::new(), parked_now: Vec::new() }
    }

    fn apply<'a>(
        &mut self,
        projection: &dyn Projection,
        events: impl Iterator<Item = &'a Recorded>,
        source: &Stored<'_>,
    ) -> Result<(), ViewsError> {
        let before: Vec<Partition> = self.parked.keys().cloned().collect();
        apply_page(projection, events, &mut self.rows, &mut self.parked, &mut &*source)?;
        let stopped = self.parked.keys().filter(|partition| !before.contains(partition));
        self.parked_now.extend(stopped.cloned());
        Ok(())
    }

    /// The partitions that stopped since the last save.
    fn take_parked(&mut self) -> Vec<(Partition, Parked)> {
        let parked = std::mem::take(&mut self.parked_now).into_iter();
        parked
            .filter_map(|partition| Some((partition.clone(), self.parked.get(&partition)?.clone())))
            .collect()
    }
}
