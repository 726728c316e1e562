//! Where the rows of views come from.

use std::collections::BTreeSet;

use quipu_domain::Position;
use quipu_projections::{Cell, Schema};

use crate::ReplayError;

/// The state of one projection's view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewState {
    /// The projection.
    pub name: String,
    /// Its version; a view of another version than the program's is not compared.
    pub version: u32,
    /// The position that its rows stand at.
    pub checkpoint: Position,
    /// Tenants whose partition is parked; the catalogue's is the empty text.
    pub parked: BTreeSet<String>,
    /// Events that somebody decided to leave out of it, because they could not be applied.
    pub skipped: BTreeSet<Position>,
}

/// Reads views. All answers must come from one snapshot of them.
pub trait ViewSource {
    /// The views there are.
    fn states(&mut self) -> Result<Vec<ViewState>, ReplayError>;

    /// Hands every row of a table to `each`, all columns in the schema's order.
    fn rows(
        &mut self,
        table: &'static Schema,
        each: &mut dyn FnMut(&[Cell]),
    ) -> Result<(), ReplayError>;
}
