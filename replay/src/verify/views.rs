//! Every view against the fold of the journal at the view's checkpoint (J5).

mod expected;

use std::collections::HashMap;

use quipu_domain::{Position, Recorded};
use quipu_projections::{Cell, Fold, Parked, Partition, ProjectionError, Schema};

use super::Stop;
use crate::report::{Finding, ProjectionReport, ReplayError};
use crate::view_source::{ViewSource, ViewState};
use expected::Expected;

/// The folds that views are compared with.
pub(super) struct Views {
    folds: Vec<ViewFold>,
}

/// One projection's fold up to its view's checkpoint.
struct ViewFold {
    state: ViewState,
    /// `None` where the view belongs to another version of the program, and says nothing here.
    fold: Option<Fold>,
    equal_rows: u64,
}

/// Why a fold does not go on: an earlier event could not be read, or a row was not one of ours.
enum FoldError {
    Earlier(ReplayError),
    Projection(ProjectionError),
}

impl From<ProjectionError> for FoldError {
    fn from(error: ProjectionError) -> FoldError {
        FoldError::Projection(error)
    }
}

impl Views {
    pub(super) fn new(states: &[ViewState]) -> Views {
        let fold = |state: &ViewState| {
            let projection = quipu_projections::named(&state.name);
            let same = projection.filter(|projection| projection.version() == state.version);
            ViewFold {
                state: state.clone(),
                fold: same.map(|projection| Fold::of(&[projection])),
                equal_rows: 0,
            }
        };
        Views { folds: states.iter().map(fold).collect() }
    }

    /// Folds the next events in, each view's only up to its checkpoint.
    pub(super) fn events(
        &mut self,
        events: &[Recorded],
        earlier: impl Fn(&[Position]) -> Result<Vec<Recorded>, ReplayError>,
    ) -> Result<(), Stop> {
        for ViewFold { state, fold, .. } in &mut self.folds {
            let known = events.partition_point(|event| event.position <= state.checkpoint);
            let (Some(fold), [first, ..]) = (fold, &events[..known]) else { continue };
            let applied = fold.apply(&events[..known], |positions: &[Position]| {
                earlier(positions).map_err(FoldError::Earlier)
            });
            applied.map_err(|error| match error {
                FoldError::Earlier(error) => Stop::Failed(error),
                FoldError::Projection(error) => {
                    let what = format!("the projection {} fails: {error}", state.name);
                    Finding::at(first.position, what).into()
                }
            })?;
        }
        Ok(())
    }

    /// Compares all rows.
    pub(super) fn compare(&mut self, source: &mut dyn ViewSource) -> Result<(), Stop> {
        self.folds.iter_mut().try_for_each(|fold| fold.compare(source))
    }

    pub(super) fn into_reports(self) -> Vec<ProjectionReport> {
        let report = |view: ViewFold| ProjectionReport {
            name: view.state.name,
            checkpoint: view.state.checkpoint,
            compared: view.fold.is_some(),
            rows: view.equal_rows,
            parked: view.state.parked.into_iter().collect(),
        };
        self.folds.into_iter().map(report).collect()
    }
}

impl ViewFold {
    fn compare(&mut self, source: &mut dyn ViewSource) -> Result<(), Stop> {
        let Some(fold) = &self.fold else { return Ok(()) };
        let [folded] = fold.projections() else { return Ok(()) };
        self.parked_alike(&folded.parked)?;
        for (table, mut rows) in folded.rows.sorted() {
            rows.retain(|cells| !self.state.parked.contains(partition(table, cells)));
            let mut expected = Expected::of(table, rows);
            let mut wrong = None;
            let parked = &self.state.parked;
            let equal_rows = &mut self.equal_rows;
            source.rows(table, &mut |cells| {
                if wrong.is_none() && !parked.contains(partition(table, cells)) {
                    match expected.meet(cells) {
                        None => *equal_rows += 1,
                        found => wrong = found,
                    }
                }
            })?;
            if let Some(what) = wrong.or_else(|| expected.missing()) {
                let position = self.state.checkpoint;
                let what = format!("in the view {}, {what}", self.state.name);
                return Err(Finding::at(position, what).into());
            }
        }
        Ok(())
    }

    /// A partition that fails in the fold must have failed in the view.
    fn parked_alike(&self, parked: &HashMap<Partition, Parked>) -> Result<(), Finding> {
        let name = |partition: &Partition| {
            partition.as_ref().map_or_else(String::new, ToString::to_string)
        };
        let unknown =
            parked.iter().filter(|(partition, _)| !self.state.parked.contains(&name(partition)));
        match unknown.min_by_key(|(_, parked)| parked.position) {
            None => Ok(()),
            Some((_, parked)) => {
                let what = format!("the projection {} fails: {}", self.state.name, parked.error);
                Err(Finding::at(parked.position, what))
            }
        }
    }
}

/// Whose row it is: a tenant's, or the catalogue's, which is the empty text.
fn partition<'a>(table: &Schema, cells: &'a [Cell]) -> &'a str {
    let column = table.columns.iter().position(|column| column.name == "tenant");
    match column.and_then(|index| cells.get(index)) {
        Some(Cell::Text(tenant)) => tenant,
        _ => "",
    }
}
