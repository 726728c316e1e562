//! The views as `verify` and `diff` read them.

use std::collections::BTreeSet;

use quipu_domain::{Position, TenantId};
use quipu_projections::{Cell, Projection, Schema};
use quipu_replay::{ReplayError, ViewSource, ViewState};
use quipu_views::{ProjectionStatus, Snapshot, ViewsError};

/// One snapshot of the views.
pub(crate) struct SnapshotSource<'a, 'c>(pub(crate) &'a mut Snapshot<'c>);

impl ViewSource for SnapshotSource<'_, '_> {
    fn states(&mut self) -> Result<Vec<ViewState>, ReplayError> {
        let statuses = self.0.projections(Position::ZERO).map_err(failed)?;
        Ok(statuses.into_iter().map(state).collect())
    }

    fn rows(
        &mut self,
        table: &'static Schema,
        each: &mut dyn FnMut(&[Cell]),
    ) -> Result<(), ReplayError> {
        self.0.each_row(table, each).map_err(failed)
    }
}

/// Views that nobody has made yet.
pub(crate) struct NoViews;

impl ViewSource for NoViews {
    fn states(&mut self) -> Result<Vec<ViewState>, ReplayError> {
        let never_built = |projection: &&'static dyn Projection| ViewState {
            name: projection.name().to_owned(),
            version: 0,
            checkpoint: Position::ZERO,
            parked: BTreeSet::new(),
            skipped: BTreeSet::new(),
        };
        Ok(quipu_projections::all().iter().map(never_built).collect())
    }

    fn rows(&mut self, _: &'static Schema, _: &mut dyn FnMut(&[Cell])) -> Result<(), ReplayError> {
        Ok(())
    }
}

fn state(status: ProjectionStatus) -> ViewState {
    let name =
        |tenant: &Option<TenantId>| tenant.as_ref().map_or_else(String::new, TenantId::to_string);
    ViewState {
        name: status.name.to_owned(),
        version: status.version,
        checkpoint: status.position,
        parked: status.parked.iter().map(|parked| name(&parked.tenant)).collect(),
        skipped: status.skipped.iter().map(|skipped| skipped.position).collect(),
    }
}

fn failed(error: ViewsError) -> ReplayError {
    ReplayError::Views(error.into())
}
