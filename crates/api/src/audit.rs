//! `/v1/audit`: who did what, when and why (rule T3).

use std::sync::Arc;

use axum::response::Response;
use quipu_domain::{Label, Personal, Position, Stream, TenantId, Timestamp, Version};
use quipu_views::{AuditLine, AuditQuery, Page, Views};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::parameters::{Limit, OrderParameter, StrictQuery, require_period};
use crate::problem::Problem;
use crate::reading::Reader;

/// Which lines.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParameters {
    /// `oldest_first` (where absent) or `newest_first`.
    #[param(inline)]
    order: OrderParameter,
    /// Go on after this line: the `next_after` of the page before.
    #[param(value_type = Option<u64>)]
    after: Option<Position>,
    /// At most so many, 1 to 1000; 100 where absent.
    #[param(inline)]
    limit: Limit,
    /// Only this tenant.
    #[param(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// Only this type of event.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Only this actor.
    #[param(value_type = Option<String>)]
    actor: Option<Label>,
    /// Recorded from then on.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// Recorded before then.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    at_least: Option<Position>,
}

/// One event, as an auditor reads it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditLineView {
    /// Where it stands in the journal.
    #[schema(value_type = u64)]
    position: Position,
    /// When the journal took it.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// Whose it is; the catalogue's events belong to nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// The aggregate's stream.
    #[schema(value_type = String)]
    stream: Stream,
    /// Where it stands in its stream.
    #[schema(value_type = u64)]
    version: Version,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    event_type: Arc<str>,
    /// What happened, in a few words.
    #[schema(value_type = String)]
    summary: Arc<str>,
    /// The name that it gave to its tenant or agent; `[erased]` after an erasure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    name: Option<Personal>,
    /// Who.
    #[schema(value_type = String)]
    actor: Label,
    /// Why; `[erased]` after an erasure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Personal>,
    /// The idempotency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    command: Option<Label>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    correlation: Option<Label>,
    /// The event that it is a consequence of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    causation: Option<Position>,
}

/// Lines of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditPage {
    lines: Vec<AuditLineView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    next_after: Option<Position>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl AuditParameters {
    fn query(self) -> AuditQuery {
        AuditQuery {
            order: self.order.into(),
            after: self.after,
            tenant: self.tenant,
            event_type: self.event_type,
            actor: self.actor,
            from: self.from,
            to: self.to,
            limit: self.limit.0,
        }
    }
}

impl From<AuditLine> for AuditLineView {
    fn from(line: AuditLine) -> AuditLineView {
        AuditLineView {
            position: line.position,
            recorded_at: line.recorded_at,
            tenant: line.tenant,
            stream: line.stream,
            version: line.version,
            event_type: line.event_type,
            summary: line.summary,
            actor: line.actor,
            name: line.name,
            reason: line.reason,
            command: line.command,
            correlation: line.correlation,
            causation: line.causation,
        }
    }
}

/// Lists who did what, when and why.
#[utoipa::path(
    get, path = "/v1/audit", tag = "journal",
    operation_id = "list_audit_log", params(AuditParameters),
    responses((status = 200, body = AuditPage, description = "A page of the audit log."))
)]
pub(crate) async fn list(
    reader: Reader,
    StrictQuery(parameters): StrictQuery<AuditParameters>,
) -> Result<Response, Problem> {
    require_period(parameters.from, parameters.to)?;
    let at_least = parameters.at_least;
    let query = parameters.query();
    let read = move |views: &Views, _| views.audit_log(&query);
    let wire = |page: Page<AuditLine, Position>, position| AuditPage {
        lines: page.items.into_iter().map(AuditLineView::from).collect(),
        next_after: page.next,
        position,
    };
    reader.answer(at_least, read, wire).await
}
