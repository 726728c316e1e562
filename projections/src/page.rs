//! The one way in which events are applied, by the live views, a rebuild, and a fold in memory.

use std::collections::HashMap;

use quipu_domain::{Position, Recorded, TenantId};

use crate::{Cell, Projection, ProjectionError, Rows, Schema};

/// Where rows and earlier events come from that are not in memory.
pub trait Source {
    /// Why they could not be had.
    type Error: From<ProjectionError>;

    /// The rows with these keys, those that exist, in any order.
    fn rows(
        &mut self,
        table: &'static Schema,
        keys: &[Vec<Cell>],
    ) -> Result<Vec<Vec<Cell>>, Self::Error>;

    /// The events at these positions, those that exist.
    fn events(&mut self, positions: &[Position]) -> Result<Vec<Recorded>, Self::Error>;
}

/// Whose events stand and fall together: a tenant's, or the catalogue's (`None`).
pub type Partition = Option<TenantId>;

/// A partition that stopped at an event. Those of its events that follow are left for a retry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The event that could not be applied.
    pub position: Position,
    /// Why, for people.
    pub error: String,
}

/// How many events are prepared when the first of them turns out to be unprepared. Mostly all
/// rows are in memory already, and to ask for each of them first would double the work.
const LOOK_AHEAD_EVENTS: usize = 1_024;

/// Applies events to rows. A partition whose event fails is parked: its rows stay as they were
/// before that event, and the others go on.
pub fn apply_page<'a, S: Source>(
    projection: &dyn Projection,
    events: impl IntoIterator<Item = &'a Recorded>,
    rows: &mut Rows,
    parked: &mut HashMap<Partition, Parked>,
    source: &mut S,
) -> Result<(), S::Error> {
    let is_live = |event: &&Recorded| !parked.contains_key(&event.tenant);
    let events: Vec<&Recorded> = events.into_iter().filter(is_live).collect();
    let mut prepared_until = 0;
    for (index, event) in events.iter().enumerate() {
        if parked.contains_key(&event.tenant) {
            continue;
        }
        let mut outcome = apply(projection, event, rows);
        while matches!(&outcome, Err(error) if error.is_unprepared()) {
            let until = if index < prepared_until {
                end_of_partition(&events, index)
            } else {
                prepared_until = events.len().min(index + LOOK_AHEAD_EVENTS);
                prepared_until
            };
            if !prepare(projection, &events[index..until], rows, source)? {
                break;
            }
            outcome = apply(projection, event, rows);
        }
        if let Err(error) = outcome {
            let stopped = Parked { position: event.position, error: error.to_string() };
            parked.insert(event.tenant.clone(), stopped);
        }
    }
    rows.forget_events();
    Ok(())
}

fn apply(
    projection: &dyn Projection,
    event: &Recorded,
    rows: &mut Rows,
) -> Result<(), ProjectionError> {
    rows.begin_event();
    projection.apply(event, rows).inspect_err(|_| rows.undo_event())
}

/// Where the next events of another partition begin. An event that was prepared and cannot be
/// applied yet asks for more because of what its own partition's events have made since then;
/// nobody else's need to be prepared again.
fn end_of_partition(events: &[&Recorded], index: usize) -> usize {
    let same = events[index..].iter().take_while(|event| event.tenant == events[index].tenant);
    index + same.count()
}

/// Brings what the events ask for into memory. Says whether that was anything new.
fn prepare<S: Source>(
    projection: &dyn Projection,
    events: &[&Recorded],
    rows: &mut Rows,
    source: &mut S,
) -> Result<bool, S::Error> {
    let known = rows.known();
    loop {
        let before = rows.known();
        events.iter().for_each(|event| projection.prepare(event, rows));
        for (table, keys) in rows.missing() {
            for cells in source.rows(table, &keys)? {
                rows.load(table, &cells)?;
            }
        }
        let positions = rows.missing_events();
        if !positions.is_empty() {
            source.events(&positions)?.into_iter().for_each(|event| rows.load_event(event));
        }
        // What was brought in may say what else is needed: the next round asks for that.
        if rows.known() == before {
            return Ok(before > known);
        }
    }
}
