//! Folds pages of events, and writes rows and checkpoints in one transaction, so that whatever
//! happens, an event is in the rows exactly once.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use quipu_database::Connection;
use quipu_domain::{Position, Recorded};
use quipu_projections::{Cell, Parked, Partition, Projection, Rows, Schema, Source, apply_page};

use crate::checkpoints::{self, Checkpoint};
use crate::skips::Skips;
use crate::{Feed, FeedError, ViewsError, cells, statements};

/// Some projections and what is in memory of their rows. After any error it is of no use any
/// more: whoever goes on makes a new one.
pub(crate) struct Applier {
    states: Vec<State>,
    cache_rows: usize,
    /// How many fold. One beside live commands: with more, a flood on PostgreSQL multiplied the
    /// other tenants' p99 by up to 14 in place of 2 (`quipu bench fairness`).
    threads: usize,
}

struct State {
    projection: &'static dyn Projection,
    checkpoint: Checkpoint,
    /// The last event in the rows, saved or not.
    folded: Position,
    rows: Rows,
    parked: HashMap<Partition, Parked>,
    /// Events that are left out.
    skipped: BTreeSet<Position>,
    /// Partitions that stopped since the last save.
    parked_now: Vec<Partition>,
}

impl Applier {
    /// Takes up where the database is. `cache_rows` is how many rows of each table stay in memory
    /// from one transaction to the next.
    pub(crate) fn load(
        connection: &mut Connection,
        projections: &[&'static dyn Projection],
        skips: &Skips,
        cache_rows: usize,
    ) -> Result<Applier, ViewsError> {
        projections.iter().try_for_each(|each| checkpoints::start(connection, *each))?;
        let checkpoints = checkpoints::read(connection)?;
        let stopped = checkpoints::read_parked(connection)?;
        let state = |projection: &&'static dyn Projection| {
            let checkpoint = checkpoints.get(projection.name()).copied().unwrap_or_default();
            State {
                projection: *projection,
                checkpoint,
                folded: checkpoint.position,
                rows: projection.rows(),
                parked: stopped
                    .iter()
                    .filter(|stopped| stopped.projection == projection.name())
                    .map(|stopped| &stopped.partition)
                    .map(|at| {
                        let parked = Parked { position: at.position, error: at.error.clone() };
                        (at.tenant.clone(), parked)
                    })
                    .collect(),
                skipped: skips.positions(*projection),
                parked_now: Vec::new(),
            }
        };
        Ok(Applier { states: projections.iter().map(state).collect(), cache_rows, threads: 1 })
    }

    /// The same, folding on all cores: for who has the machine to himself, and no commands wait.
    pub(crate) fn on_all_cores(self) -> Applier {
        let threads = available_parallelism().map_or(1, NonZeroUsize::get);
        Applier { threads, ..self }
    }

    /// The last event that all its projections have folded.
    pub(crate) fn position(&self) -> Position {
        let positions = self.states.iter().map(|state| state.folded);
        positions.min().unwrap_or_default()
    }

    /// Each projection's checkpoint, as it was saved last.
    pub(crate) fn checkpoints(&self) -> impl Iterator<Item = (&'static str, Checkpoint)> + '_ {
        self.states.iter().map(|state| (state.projection.name(), state.checkpoint))
    }

    /// Rows that wait to be saved.
    pub(crate) fn changed_rows(&self) -> usize {
        self.states.iter().map(|state| state.rows.changed_rows()).sum()
    }

    /// Each projection with the number of its stopped partitions, and of events left out.
    pub(crate) fn stopped(&self) -> impl Iterator<Item = (&'static str, usize, usize)> + '_ {
        let states = self.states.iter();
        states.map(|state| (state.projection.name(), state.parked.len(), state.skipped.len()))
    }

    /// Folds the events after [`Applier::position`] into the rows in memory.
    pub(crate) fn fold(
        &mut self,
        connection: &mut Connection,
        feed: &dyn Feed,
        events: &[Arc<Recorded>],
    ) -> Result<(), ViewsError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        if first.position != self.position().plus(1) {
            return Err(FeedError(format!("event {} is missing", self.position().plus(1))).into());
        }
        let events = by_tenant(events);
        let source = Stored::new(connection, feed);
        // The costliest projections come late in the list: whoever takes them must not be the last.
        let rest = Mutex::new(self.states.iter_mut().rev());
        let next = || rest.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = || {
            let mut states = std::iter::from_fn(next);
            states.try_for_each(|state| state.fold(&events, last.position, &source))
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..self.threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            let joined = others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.fold(own, Result::and)
        })
    }

    /// Writes what was folded, in one transaction.
    pub(crate) fn save(&mut self, connection: &mut Connection) -> Result<(), ViewsError> {
        let states = &self.states;
        connection.transaction(|connection| {
            for state in states.iter().filter(|state| state.checkpoint.position < state.folded) {
                let name = state.projection.name();
                checkpoints::advance(connection, name, state.checkpoint, state.folded)?;
                statements::write(connection, state.rows.changes())?;
                for (partition, parked) in state.parked_now() {
                    checkpoints::park(connection, name, partition, parked)?;
                }
            }
            Ok::<(), ViewsError>(())
        })?;
        for state in &mut self.states {
            for (partition, parked) in state.parked_now() {
                report(state.projection.name(), partition, parked);
            }
            state.parked_now.clear();
            state.checkpoint.position = state.folded;
            state.rows.mark_saved(self.cache_rows);
        }
        Ok(())
    }
}

/// A page, tenant by tenant, each in order. No event of one tenant touches a row of another's, and
/// rows that were just used are found several times as fast.
fn by_tenant(events: &[Arc<Recorded>]) -> Vec<&Recorded> {
    let hasher = RandomState::new();
    let mut sorted: Vec<&Recorded> = events.iter().map(Arc::as_ref).collect();
    sorted.sort_by_cached_key(|event| hasher.hash_one(&event.tenant));
    sorted
}

impl State {
    fn fold(
        &mut self,
        events: &[&Recorded],
        last: Position,
        source: &Stored<'_>,
    ) -> Result<(), ViewsError> {
        let is_fresh = |event: &&Recorded| {
            event.position > self.folded && !self.skipped.contains(&event.position)
        };
        let fresh: Vec<&Recorded> = events.iter().copied().filter(is_fresh).collect();
        let before: Vec<Partition> = self.parked.keys().cloned().collect();
        apply_page(self.projection, fresh, &mut self.rows, &mut self.parked, &mut &*source)?;
        let stopped = self.parked.keys().filter(|partition| !before.contains(partition));
        self.parked_now.extend(stopped.cloned());
        self.folded = self.folded.max(last);
        Ok(())
    }

    fn parked_now(&self) -> impl Iterator<Item = (&Partition, &Parked)> {
        self.parked_now.iter().filter_map(|partition| self.parked.get_key_value(partition))
    }
}

fn report(projection: &str, partition: &Partition, parked: &Parked) {
    tracing::error!(
        projection,
        tenant = checkpoints::tenant_text(partition),
        position = parked.position.0,
        error = parked.error,
        "projection stopped for this tenant; the others go on. After the cause is mended: \
         quipu projections retry"
    );
}

/// Rows from the database, earlier events from the journal. Projections that fold side by side
/// take turns at the connection.
pub(crate) struct Stored<'a> {
    connection: Mutex<&'a mut Connection>,
    feed: &'a dyn Feed,
}

impl<'a> Stored<'a> {
    pub(crate) fn new(connection: &'a mut Connection, feed: &'a dyn Feed) -> Stored<'a> {
        Stored { connection: Mutex::new(connection), feed }
    }
}

impl Source for &Stored<'_> {
    type Error = ViewsError;

    fn rows(
        &mut self,
        table: &'static Schema,
        keys: &[Vec<Cell>],
    ) -> Result<Vec<Vec<Cell>>, ViewsError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let found = statements::load(&mut connection, table, keys)?;
        Ok(found.iter().map(cells::cells).collect())
    }

    fn events(&mut self, positions: &[Position]) -> Result<Vec<Recorded>, ViewsError> {
        Ok(self.feed.events_at(positions)?)
    }
}
