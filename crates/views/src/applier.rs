//! Applies pages of events: rows and checkpoints in one transaction, so that whatever happens,
//! an event is in the rows exactly once.

use std::collections::HashMap;

use quipu_database::Connection;
use quipu_domain::{Position, Recorded};
use quipu_projections::{
    Cell, Parked, Partition, Projection, ProjectionError, Rows, Schema, Source, apply_page,
};

use crate::checkpoints::{self, Checkpoint};
use crate::{Feed, FeedError, ViewsError, cells, statements};

/// Some projections and what is in memory of their rows. After any error it is of no use any
/// more: whoever goes on makes a new one.
pub(crate) struct Applier {
    states: Vec<State>,
    cache_rows: usize,
}

struct State {
    projection: &'static dyn Projection,
    checkpoint: Checkpoint,
    rows: Rows,
    parked: HashMap<Partition, Parked>,
}

impl Applier {
    /// Takes up where the database is. `cache_rows` is how many rows of each table stay in memory
    /// from page to page.
    pub(crate) fn load(
        connection: &mut Connection,
        projections: &[&'static dyn Projection],
        cache_rows: usize,
    ) -> Result<Applier, ViewsError> {
        projections.iter().try_for_each(|each| checkpoints::start(connection, *each))?;
        let checkpoints = checkpoints::read(connection)?;
        let stopped = checkpoints::read_parked(connection)?;
        let state = |projection: &&'static dyn Projection| State {
            projection: *projection,
            checkpoint: checkpoints.get(projection.name()).copied().unwrap_or_default(),
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
        };
        Ok(Applier { states: projections.iter().map(state).collect(), cache_rows })
    }

    /// The last event that all its projections have.
    pub(crate) fn position(&self) -> Position {
        let positions = self.states.iter().map(|state| state.checkpoint.position);
        positions.min().unwrap_or_default()
    }

    /// Each projection with the number of its stopped partitions.
    pub(crate) fn parked(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        self.states.iter().map(|state| (state.projection.name(), state.parked.len()))
    }

    /// Applies the events after [`Applier::position`] and commits.
    pub(crate) fn apply(
        &mut self,
        connection: &mut Connection,
        feed: &dyn Feed,
        events: &[Recorded],
    ) -> Result<(), ViewsError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        if first.position != self.position().plus(1) {
            return Err(FeedError(format!("event {} is missing", self.position().plus(1))).into());
        }
        let last = last.position;
        let mut parked_now = Vec::new();
        for state in &mut self.states {
            let done = state.checkpoint.position;
            let fresh = events.iter().filter(|event| event.position > done);
            let before: Vec<Partition> = state.parked.keys().cloned().collect();
            let mut source = Stored { connection, feed };
            apply_page(state.projection, fresh, &mut state.rows, &mut state.parked, &mut source)?;
            for (partition, parked) in &state.parked {
                if !before.contains(partition) {
                    parked_now.push((state.projection.name(), partition.clone(), parked.clone()));
                }
            }
        }
        let states = &self.states;
        connection.transaction(|connection| {
            for state in states.iter().filter(|state| state.checkpoint.position < last) {
                let name = state.projection.name();
                checkpoints::advance(connection, name, state.checkpoint, last)?;
                statements::write(connection, state.rows.changes())?;
            }
            for (projection, partition, parked) in &parked_now {
                checkpoints::park(connection, projection, partition, parked)?;
            }
            Ok::<(), ViewsError>(())
        })?;
        for (projection, partition, parked) in &parked_now {
            report(projection, partition, parked);
        }
        for state in &mut self.states {
            state.checkpoint.position = state.checkpoint.position.max(last);
            state.rows.mark_saved(self.cache_rows);
        }
        Ok(())
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

/// Rows from the database, earlier events from the journal.
pub(crate) struct Stored<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) feed: &'a dyn Feed,
}

impl Source for Stored<'_> {
    type Error = ViewsError;

    fn rows(
        &mut self,
        table: &'static Schema,
        keys: &[Vec<Cell>],
    ) -> Result<Vec<Vec<Cell>>, ViewsError> {
        let found = statements::load(self.connection, table, keys)?;
        let rows: Result<Vec<Vec<Cell>>, ProjectionError> =
            found.iter().map(|row| cells::cells(table, row)).collect();
        Ok(rows?)
    }

    fn events(&mut self, positions: &[Position]) -> Result<Vec<Recorded>, ViewsError> {
        let mut events = Vec::with_capacity(positions.len());
        for position in positions {
            let before = Position(position.0.saturating_sub(1));
            events.extend(self.feed.read(before, 1)?.into_iter().take(1));
        }
        Ok(events)
    }
}
