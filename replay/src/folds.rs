//! Projections folded in memory, each up to a position of its own.

use quipu_domain::{Position, Recorded};
use quipu_projections::{Cell, Fold, Partition, ProjectionError, Schema};

use crate::report::ReplayError;
use crate::view_source::{ViewSource, ViewState};

/// The folds that views are compared with, each up to its view's checkpoint.
pub(crate) struct Folds(Vec<ViewFold>);

/// One projection's fold.
pub(crate) struct ViewFold {
    /// The view that it is a fold of.
    pub(crate) state: ViewState,
    /// `None` where the view belongs to another version of the program, and says nothing here.
    pub(crate) fold: Option<Fold>,
}

/// Why a fold does not go on: an earlier event could not be read, or a row was not one of ours.
#[derive(Debug)]
pub(crate) enum FoldError {
    /// The journal cannot be read.
    Earlier(ReplayError),
    /// The fold itself fails, at a position or soon after it.
    Projection {
        /// Where.
        position: Position,
        /// What is wrong.
        what: String,
    },
}

/// The same without a place.
enum Failure {
    Earlier(ReplayError),
    Projection(ProjectionError),
}

impl From<ProjectionError> for Failure {
    fn from(error: ProjectionError) -> Failure {
        Failure::Projection(error)
    }
}

impl From<FoldError> for ReplayError {
    fn from(error: FoldError) -> ReplayError {
        match error {
            FoldError::Earlier(error) => error,
            FoldError::Projection { position, what } => ReplayError::Fold { position, what },
        }
    }
}

impl Folds {
    /// Empty folds of these views.
    pub(crate) fn of(states: &[ViewState]) -> Folds {
        let fold = |state: &ViewState| {
            let projection = quipu_projections::named(&state.name);
            let same = projection.filter(|projection| projection.version() == state.version);
            ViewFold { state: state.clone(), fold: same.map(|projection| Fold::of(&[projection])) }
        };
        Folds(states.iter().map(fold).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ViewFold> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut ViewFold> {
        self.0.iter_mut()
    }

    /// The position after which no fold takes any event.
    pub(crate) fn last(&self) -> Position {
        let folded = self.0.iter().filter(|fold| fold.fold.is_some());
        folded.map(|fold| fold.state.checkpoint).max().unwrap_or_default()
    }

    /// Folds the next events in.
    pub(crate) fn events(
        &mut self,
        events: &[Recorded],
        earlier: impl Fn(&[Position]) -> Result<Vec<Recorded>, ReplayError>,
    ) -> Result<(), FoldError> {
        self.0.iter_mut().try_for_each(|fold| fold.events(events, &earlier))
    }
}

impl ViewFold {
    /// Folds events in: none after the checkpoint, and none that its view has skipped.
    pub(crate) fn events(
        &mut self,
        events: &[Recorded],
        earlier: impl Fn(&[Position]) -> Result<Vec<Recorded>, ReplayError>,
    ) -> Result<(), FoldError> {
        let ViewFold { state, fold } = self;
        let known = events.partition_point(|event| event.position <= state.checkpoint);
        let Some(fold) = fold else { return Ok(()) };
        let runs = events[..known].split(|event| state.skipped.contains(&event.position));
        for run in runs {
            let [first, ..] = run else { continue };
            let applied = fold
                .apply(run, |positions: &[Position]| earlier(positions).map_err(Failure::Earlier));
            applied.map_err(|error| match error {
                Failure::Earlier(error) => FoldError::Earlier(error),
                Failure::Projection(error) => FoldError::Projection {
                    position: first.position,
                    what: format!("the projection {} fails: {error}", state.name),
                },
            })?;
        }
        Ok(())
    }
}

/// A fold's rows are views like any others.
impl ViewSource for Folds {
    fn states(&mut self) -> Result<Vec<ViewState>, ReplayError> {
        let state = |fold: &ViewFold| {
            let folded = fold.fold.as_ref().and_then(|fold| fold.projections().first());
            let parked = folded.map(|folded| folded.parked.keys().map(partition_text).collect());
            ViewState { parked: parked.unwrap_or_default(), ..fold.state.clone() }
        };
        Ok(self.0.iter().map(state).collect())
    }

    fn rows(
        &mut self,
        table: &'static Schema,
        each: &mut dyn FnMut(&[Cell]),
    ) -> Result<(), ReplayError> {
        let folded = self.0.iter().filter_map(|fold| fold.fold.as_ref());
        let has_table = |fold: &&Fold| {
            let projections = fold.projections().iter();
            projections.flat_map(|folded| folded.rows.schemas()).any(|own| own.name == table.name)
        };
        for (own, rows) in folded.filter(has_table).flat_map(Fold::sorted) {
            if own.name == table.name {
                rows.iter().for_each(|cells| each(cells));
            }
        }
        Ok(())
    }
}

/// A partition as views name it: the catalogue's is the empty text.
pub(crate) fn partition_text(partition: &Partition) -> String {
    partition.as_ref().map_or_else(String::new, ToString::to_string)
}

/// Whose row it is: a tenant's, or the catalogue's, which is the empty text.
pub(crate) fn partition_of<'a>(table: &Schema, cells: &'a [Cell]) -> &'a str {
    let column = table.columns.iter().position(|column| column.name == "tenant");
    match column.and_then(|index| cells.get(index)) {
        Some(Cell::Text(tenant)) => tenant,
        _ => "",
    }
}
