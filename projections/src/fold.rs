//! All projections folded in memory: what the views must be equal to (J5).

use std::collections::HashMap;
use std::marker::PhantomData;

use quipu_domain::{Position, Recorded};

use crate::page::{Parked, Partition, Source, apply_page};
use crate::{Cell, Projection, ProjectionError, Rows, Schema};

/// Projections and the rows that they made of the events so far.
pub struct Fold {
    folded: Vec<Folded>,
}

/// One projection and its rows.
pub struct Folded {
    /// The projection.
    pub projection: &'static dyn Projection,
    /// Its rows.
    pub rows: Rows,
    /// Partitions that stopped.
    pub parked: HashMap<Partition, Parked>,
}

impl Default for Fold {
    fn default() -> Fold {
        Fold::of(crate::all())
    }
}

impl Fold {
    /// The start: no events, no rows.
    #[must_use]
    pub fn of(projections: &[&'static dyn Projection]) -> Fold {
        let fresh = |projection: &&'static dyn Projection| Folded {
            projection: *projection,
            rows: projection.rows().from_the_beginning(),
            parked: HashMap::new(),
        };
        Fold { folded: projections.iter().map(fresh).collect() }
    }

    /// Folds the next events in. `earlier` finds an event that came before, for one that
    /// corrects it.
    pub fn apply<E: From<ProjectionError>>(
        &mut self,
        events: &[Recorded],
        earlier: impl FnMut(&[Position]) -> Result<Vec<Recorded>, E>,
    ) -> Result<(), E> {
        let mut source = Earlier { earlier, error: PhantomData };
        for folded in &mut self.folded {
            let parked = &mut folded.parked;
            apply_page(folded.projection, events, &mut folded.rows, parked, &mut source)?;
        }
        Ok(())
    }

    /// All rows, table by table, sorted by key.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&'static Schema, Vec<Vec<Cell>>)> {
        self.folded.iter().flat_map(|folded| folded.rows.sorted()).collect()
    }

    /// Each projection with its rows.
    #[must_use]
    pub fn projections(&self) -> &[Folded] {
        &self.folded
    }
}

/// Everything is in memory already, except events.
struct Earlier<F, E> {
    earlier: F,
    error: PhantomData<E>,
}

impl<F, E> Source for Earlier<F, E>
where
    F: FnMut(&[Position]) -> Result<Vec<Recorded>, E>,
    E: From<ProjectionError>,
{
    type Error = E;

    fn rows(&mut self, _: &'static Schema, _: &[Vec<Cell>]) -> Result<Vec<Vec<Cell>>, E> {
        Ok(Vec::new())
    }

    fn events(&mut self, positions: &[Position]) -> Result<Vec<Recorded>, E> {
        (self.earlier)(positions)
    }
}
