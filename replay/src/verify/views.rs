//! Every view against the fold of the journal at the view's checkpoint (J5).

use std::collections::{BTreeSet, HashMap};

use quipu_domain::{Position, Recorded};
use quipu_projections::{Parked, Partition};

use super::Stop;
use crate::folds::{FoldError, Folds, ViewFold, partition_of, partition_text};
use crate::report::{Finding, ProjectionReport, ReplayError};
use crate::rows::Unmet;
use crate::view_source::{ViewSource, ViewState};

/// The folds that views are compared with.
pub(super) struct Views {
    folds: Folds,
    /// How many rows equalled each; absent until all of a view's are compared.
    equal_rows: Vec<Option<u64>>,
}

impl From<FoldError> for Stop {
    fn from(error: FoldError) -> Stop {
        match error {
            FoldError::Earlier(error) => Stop::Failed(error),
            FoldError::Projection { position, what } => Finding::at(position, what).into(),
        }
    }
}

impl Views {
    pub(super) fn new(states: &[ViewState]) -> Views {
        Views { folds: Folds::of(states), equal_rows: vec![None; states.len()] }
    }

    /// Folds the next events in, each view's only up to its checkpoint.
    pub(super) fn events(
        &mut self,
        events: &[Recorded],
        earlier: impl Fn(&[Position]) -> Result<Vec<Recorded>, ReplayError>,
    ) -> Result<(), Stop> {
        Ok(self.folds.events(events, earlier)?)
    }

    /// Compares all rows.
    pub(super) fn compare(&mut self, source: &mut dyn ViewSource) -> Result<(), Stop> {
        let mut folds = self.folds.iter().zip(&mut self.equal_rows);
        folds.try_for_each(|(fold, equal_rows)| {
            *equal_rows = compare(fold, source)?;
            Ok(())
        })
    }

    pub(super) fn into_reports(self) -> Vec<ProjectionReport> {
        let report = |(view, equal_rows): (&ViewFold, &Option<u64>)| ProjectionReport {
            name: view.state.name.clone(),
            checkpoint: view.state.checkpoint,
            compared: equal_rows.is_some(),
            rows: equal_rows.unwrap_or(0),
            parked: view.state.parked.iter().cloned().collect(),
            skipped: view.state.skipped.iter().copied().collect(),
        };
        self.folds.iter().zip(&self.equal_rows).map(report).collect()
    }
}

/// How many rows equal the fold, where there is one: all of them do.
fn compare(view: &ViewFold, source: &mut dyn ViewSource) -> Result<Option<u64>, Stop> {
    let state = &view.state;
    let Some(fold) = &view.fold else { return Ok(None) };
    let [folded] = fold.projections() else { return Ok(None) };
    let mut equal_rows = 0;
    parked_alike(state, &folded.parked)?;
    for (table, mut rows) in folded.rows.sorted() {
        rows.retain(|cells| !state.parked.contains(partition_of(table, cells)));
        let mut expected = Unmet::right(table, rows);
        let mut wrong = None;
        source.rows(table, &mut |cells| {
            if wrong.is_none() && !state.parked.contains(partition_of(table, cells)) {
                match expected.meet(cells) {
                    None => equal_rows += 1,
                    found => wrong = found,
                }
            }
        })?;
        if let Some(row) = wrong.or_else(|| expected.rest().next()) {
            let what = format!("in the view {}, {}", state.name, row.fault());
            return Err(Finding::at(state.checkpoint, what).into());
        }
    }
    Ok(Some(equal_rows))
}

/// What fails in the fold must have failed in the view, and nothing else: of what is parked the view's
/// rows are not looked at.
fn parked_alike(state: &ViewState, parked: &HashMap<Partition, Parked>) -> Result<(), Finding> {
    let unknown =
        parked.iter().filter(|(partition, _)| !state.parked.contains(&partition_text(partition)));
    if let Some((_, parked)) = unknown.min_by_key(|(_, parked)| parked.position) {
        let what = format!("the projection {} fails: {}", state.name, parked.error);
        return Err(Finding::at(parked.position, what));
    }
    let failing: BTreeSet<String> = parked.keys().map(partition_text).collect();
    state.parked.difference(&failing).next().map_or(Ok(()), |partition| {
        let whose = if partition.is_empty() { "the catalogue" } else { partition };
        let retry = format!("quipu projections retry {} {partition}", state.name);
        let what = format!(
            "in the view {}, {whose} is parked, but the journal gives no reason: let it go on with \
             `{}`",
            state.name,
            retry.trim_end()
        );
        Err(Finding::at(state.checkpoint, what))
    })
}
