//! Two sets of views, row by row.

use std::collections::BTreeSet;
use std::sync::Arc;

use quipu_journal::{Checked, Journal, Store};
use quipu_projections::Schema;

use super::watch::Watch;
use super::{Cause, ColumnDifference, NamedValue, ProjectionDiff, RowDifference, Shown, ViewsDiff};
use crate::folds::{Folds, partition_of};
use crate::report::ReplayError;
use crate::rows::{DifferentRow, Unmet};
use crate::verify::Progress;
use crate::view_source::{ViewSource, ViewState};

/// Some so many events are folded at once.
const PAGE_EVENTS: usize = 4_096;

/// Compares views with each other, or, where there is no right side, with a fresh fold of the
/// journal. Of the rows that differ, `most_rows` are told and explained, by folding the journal
/// again and watching them; all are counted.
pub fn views(
    store: &Arc<dyn Store>,
    left: &mut dyn ViewSource,
    right: Option<&mut dyn ViewSource>,
    most_rows: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<ViewsDiff, ReplayError> {
    let journal = Journal::new(Arc::clone(store));
    let states = left.states()?;
    let compared = match right {
        Some(right) => compare(&states, left, right, most_rows)?,
        None => {
            let mut folds = Folds::of(&states);
            fold(&journal, &mut folds, progress)?;
            compare(&states, left, &mut folds, most_rows)?
        }
    };
    let Compared { projections, pairs, rows, different_rows } = compared;
    let causes = Watch::over(&pairs, &rows).causes(&journal, progress)?;
    let rows = rows.into_iter().zip(causes).map(|(found, cause)| {
        let projection = pairs[found.pair].0.name.clone();
        told(projection, &found.row, cause)
    });
    let same = projections.iter().all(|projection| {
        projection.different_rows == 0 && projection.parked_on_one_side.is_empty()
    });
    Ok(ViewsDiff { same, projections, rows: rows.collect(), different_rows })
}

/// A row that differs, and of which pair of views.
pub(super) struct Found {
    pub(super) pair: usize,
    pub(super) row: DifferentRow,
}

struct Compared {
    projections: Vec<ProjectionDiff>,
    /// Those projections that were compared, as they stand on both sides.
    pairs: Vec<(ViewState, ViewState)>,
    rows: Vec<Found>,
    different_rows: u64,
}

fn compare(
    states: &[ViewState],
    left: &mut dyn ViewSource,
    right: &mut dyn ViewSource,
    most_rows: usize,
) -> Result<Compared, ReplayError> {
    let others = right.states()?;
    let mut compared = Compared {
        projections: Vec::new(),
        pairs: Vec::new(),
        rows: Vec::new(),
        different_rows: 0,
    };
    for state in states {
        let Some(other) = others.iter().find(|other| other.name == state.name) else { continue };
        let mut report = ProjectionDiff::between(state, other);
        if report.not_compared.is_none() {
            let pair = compared.pairs.len();
            let mut each = |row| {
                report.different_rows += 1;
                if compared.rows.len() < most_rows {
                    compared.rows.push(Found { pair, row });
                }
            };
            let projection = quipu_projections::named(&state.name);
            for table in projection.iter().flat_map(|projection| schemas(*projection)) {
                let left_out = state.parked.union(&other.parked).cloned().collect();
                report.same_rows += tables(table, &left_out, left, right, &mut each)?;
            }
            compared.pairs.push((state.clone(), other.clone()));
            compared.different_rows += report.different_rows;
        }
        compared.projections.push(report);
    }
    Ok(compared)
}

fn schemas(projection: &dyn quipu_projections::Projection) -> Vec<&'static Schema> {
    projection.rows().schemas().collect()
}

/// Hands the rows of a table that differ to `each`, and gives the number of those that do not.
fn tables(
    table: &'static Schema,
    left_out: &BTreeSet<String>,
    left: &mut dyn ViewSource,
    right: &mut dyn ViewSource,
    each: &mut dyn FnMut(DifferentRow),
) -> Result<u64, ReplayError> {
    let is_compared = |cells: &[_]| !left_out.contains(partition_of(table, cells));
    let mut rows = Vec::new();
    right.rows(table, &mut |cells| {
        if is_compared(cells) {
            rows.push(cells.to_vec());
        }
    })?;
    let mut unmet = Unmet::right(table, rows);
    let mut same_rows = 0;
    left.rows(table, &mut |cells| {
        if is_compared(cells) {
            match unmet.meet(cells) {
                None => same_rows += 1,
                Some(row) => each(row),
            }
        }
    })?;
    unmet.rest().for_each(each);
    Ok(same_rows)
}

impl ProjectionDiff {
    fn between(left: &ViewState, right: &ViewState) -> ProjectionDiff {
        let known = quipu_projections::named(&left.name).map(|projection| projection.version());
        let not_compared = match (left.version, right.version) {
            (0, _) => Some("the left side does not have it".to_owned()),
            (_, 0) => Some("the right side does not have it".to_owned()),
            (one, other) if Some(one) != known || Some(other) != known => Some(format!(
                "it was built by another version of quipu (left {one}, right {other})"
            )),
            _ => None,
        };
        ProjectionDiff {
            name: left.name.clone(),
            left: left.checkpoint,
            right: right.checkpoint,
            not_compared,
            same_rows: 0,
            different_rows: 0,
            left_out: left.parked.intersection(&right.parked).cloned().collect(),
            parked_on_one_side: left.parked.symmetric_difference(&right.parked).cloned().collect(),
        }
    }
}

fn told(projection: String, row: &DifferentRow, cause: Cause) -> RowDifference {
    let columns = row.table.columns;
    let named = columns.iter().zip(row.key());
    let key = named
        .map(|(column, cell)| NamedValue { column: column.name, value: Shown(cell.clone()) })
        .collect();
    let shown = |side: &Option<Vec<_>>, index: usize| {
        side.as_ref().and_then(|cells| cells.get(index).cloned()).map(Shown)
    };
    let both = row.left.is_some() && row.right.is_some();
    let differing = columns.iter().enumerate().filter_map(|(index, column)| {
        let (left, right) = (shown(&row.left, index), shown(&row.right, index));
        let is_told = if both { left != right } else { index >= row.table.key_columns };
        is_told.then_some(ColumnDifference { column: column.name, left, right })
    });
    RowDifference { projection, table: row.table.name, key, columns: differing.collect(), cause }
}

/// Folds the whole journal, as far as any of the folds goes.
fn fold(
    journal: &Journal,
    folds: &mut Folds,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), ReplayError> {
    // Views may be of more than there is, where an older journal was restored.
    let last = folds.last().min(journal.head().map_err(ReplayError::Journal)?.position);
    let mut checked = Checked::new(journal.clone());
    while checked.position() < last {
        let events = checked.page(last, PAGE_EVENTS).map_err(ReplayError::Journal)?;
        let earlier = |positions: &[_]| journal.events_at(positions).map_err(ReplayError::Journal);
        folds.events(&events, earlier)?;
        progress(Progress { position: checked.position(), head: last });
    }
    Ok(())
}
