//! `/v1/projections`: how far each view is, and what has stopped.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use quipu_domain::{Position, TenantId, Timestamp};
use quipu_views::{ParkedPartition, ProjectionStatus, SkippedEvent};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::json;
use crate::parameters::{NoParameters, StrictQuery};
use crate::problem::Problem;
use crate::reading::blocking;
use crate::state::State;

/// How far a projection is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectionView {
    /// Its name.
    name: &'static str,
    /// The question that it answers.
    question: &'static str,
    /// The version that built its rows; 0 where there are none yet.
    version: u32,
    /// The last event in them.
    #[schema(value_type = u64)]
    position: Position,
    /// How many events they are behind the journal.
    lag_events: u64,
    /// Partitions that stopped at an event that could not be applied.
    parked: Vec<ParkedView>,
    /// Events that somebody decided to leave out (`quipu projections skip`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedView>,
    /// New rows that are being built beside these; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilding: Option<RebuildingView>,
}

/// An event that was left out.
#[derive(Serialize, ToSchema)]
pub(crate) struct SkippedView {
    /// Whose; absent for the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// The event.
    #[schema(value_type = u64)]
    position: Position,
    /// Why it could not be applied.
    error: String,
    /// Why it was skipped.
    reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    skipped_at: Timestamp,
}

/// Rows in the making.
#[derive(Serialize, ToSchema)]
pub(crate) struct RebuildingView {
    /// The version that is being built.
    version: u32,
    /// The last event in them.
    #[schema(value_type = u64)]
    position: Position,
}

/// A partition that stopped.
#[derive(Serialize, ToSchema)]
pub(crate) struct ParkedView {
    /// Whose; absent for the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// The event.
    #[schema(value_type = u64)]
    position: Position,
    /// Why it could not be applied.
    error: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    parked_at: Timestamp,
}

/// All projections.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectionsAnswer {
    projections: Vec<ProjectionView>,
    /// The journal's last position.
    #[schema(value_type = u64)]
    head: Position,
}

impl From<ProjectionStatus> for ProjectionView {
    fn from(status: ProjectionStatus) -> ProjectionView {
        ProjectionView {
            name: status.name,
            question: status.question,
            version: status.version,
            position: status.position,
            lag_events: status.lag,
            parked: status.parked.into_iter().map(ParkedView::from).collect(),
            skipped: status.skipped.into_iter().map(SkippedView::from).collect(),
            rebuilding: status.rebuilding.map(|rebuilding| RebuildingView {
                version: rebuilding.version,
                position: rebuilding.position,
            }),
        }
    }
}

impl From<SkippedEvent> for SkippedView {
    fn from(skipped: SkippedEvent) -> SkippedView {
        SkippedView {
            tenant: skipped.tenant,
            position: skipped.position,
            error: skipped.error,
            reason: skipped.reason,
            skipped_at: skipped.skipped_at,
        }
    }
}

impl From<ParkedPartition> for ParkedView {
    fn from(parked: ParkedPartition) -> ParkedView {
        ParkedView {
            tenant: parked.tenant,
            position: parked.position,
            error: parked.error,
            parked_at: parked.parked_at,
        }
    }
}

/// Lists the projections.
#[utoipa::path(
    get, path = "/v1/projections", tag = "journal",
    operation_id = "list_projections",
    responses((status = 200, body = ProjectionsAnswer, description = "All projections."))
)]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    StrictQuery(NoParameters {}): StrictQuery<NoParameters>,
) -> Result<Response, Problem> {
    let head = state.engine.subscribe().borrow().position;
    let views = state.views.clone();
    let statuses = blocking(move || views.projections(head)).await?;
    let projections = statuses.into_iter().map(ProjectionView::from).collect();
    Ok(json(StatusCode::OK, &ProjectionsAnswer { projections, head }))
}
