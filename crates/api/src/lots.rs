//! `/v1/tenants/{tenant}/lots`: what is left of each grant (rules W1 to W3).

use std::sync::Arc;

use axum::response::Response;
use quipu_domain::wallet::event::{GrantKind, Origin};
use quipu_domain::{Credits, GrantId, Personal, Position, TenantId, Timestamp};
use quipu_views::{AsOf, Lot, LotQuery, Page, Views};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::choices;
use crate::parameters::{KnownAtParameter, Limit, PathIds, StrictQuery};
use crate::problem::Problem;
use crate::reading::Reader;

/// Which lots.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LotsQuery {
    /// The lots at this effective time: what counts later is left out.
    #[param(value_type = Option<String>)]
    as_of: Option<Timestamp>,
    /// The lots as they were known at this time of recording, or at this position.
    #[param(value_type = Option<String>)]
    known_at: Option<KnownAtParameter>,
    /// Go on after this item: the `next_after` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<GrantId>,
    /// At most so many, 1 to 1000; 100 where absent.
    #[param(inline)]
    limit: Limit,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    at_least: Option<Position>,
}

/// A lot, as the views know it.
#[derive(Serialize, ToSchema)]
pub(crate) struct LotView {
    /// The grant that made it, or the refund.
    #[schema(value_type = String)]
    id: GrantId,
    /// What came in.
    #[schema(value_type = String)]
    amount: Credits,
    /// What is left and not held.
    #[schema(value_type = String)]
    remaining: Credits,
    /// What holds have pinned.
    #[schema(value_type = String)]
    held: Credits,
    /// What expired.
    #[schema(value_type = String)]
    expired: Credits,
    /// What was taken back.
    #[schema(value_type = String)]
    voided: Credits,
    /// Whether the grant was voided.
    is_voided: bool,
    /// `paid` or `promotional`.
    #[schema(value_type = choices::GrantKind)]
    kind: GrantKind,
    /// 0 to 100, low burns first.
    priority: u8,
    /// From when it can be spent.
    #[schema(value_type = String, format = DateTime)]
    effective_at: Timestamp,
    /// Until when, exclusive; for ever where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Meters that may burn it; all where empty.
    scope: Vec<String>,
    /// Which account issued it.
    #[schema(value_type = choices::Origin)]
    origin: Origin,
    /// What it refers to outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source: Option<Personal>,
    /// What one credit cost, in money.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    unit_cost: Option<Arc<str>>,
    /// When it came in.
    #[schema(value_type = String, format = DateTime)]
    granted_at: Timestamp,
}

/// Lots in the order in which they came in.
#[derive(Serialize, ToSchema)]
pub(crate) struct LotPage {
    lots: Vec<LotView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_after: Option<GrantId>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl From<Lot> for LotView {
    fn from(lot: Lot) -> LotView {
        let meters = lot.scope.split(',').filter(|meter| !meter.is_empty());
        LotView {
            id: lot.grant_position,
            amount: lot.amount,
            remaining: lot.remaining,
            held: lot.held,
            expired: lot.expired,
            voided: lot.voided,
            is_voided: lot.is_voided,
            kind: lot.kind,
            priority: lot.priority,
            effective_at: lot.effective_at,
            expires_at: lot.expires_at,
            scope: meters.map(str::to_owned).collect(),
            origin: lot.origin,
            source: lot.source,
            unit_cost: lot.unit_cost,
            granted_at: lot.granted_at,
        }
    }
}

/// Lists the lots that have something left or held, in the order in which they came in.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/lots", tag = "wallet",
    operation_id = "list_lots", params(LotsQuery),
    responses((status = 200, body = LotPage, description = "A page of lots."))
)]
pub(crate) async fn list(
    reader: Reader,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<LotsQuery>,
) -> Result<Response, Problem> {
    page(reader, tenant, query, false).await
}

/// Lists all that was ever granted, whether anything is left of it or not.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/grants", tag = "wallet",
    operation_id = "list_grants", params(LotsQuery),
    responses((status = 200, body = LotPage, description = "A page of lots."))
)]
pub(crate) async fn list_granted(
    reader: Reader,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<LotsQuery>,
) -> Result<Response, Problem> {
    page(reader, tenant, query, true).await
}

async fn page(
    reader: Reader,
    tenant: TenantId,
    query: LotsQuery,
    with_ended: bool,
) -> Result<Response, Problem> {
    let LotsQuery { as_of, known_at, after, limit, at_least } = query;
    let at = AsOf { as_of, known_at: known_at.map(|known_at| known_at.0) };
    let query = LotQuery { with_ended, at, after, limit: limit.0 };
    let read = move |views: &Views, now| views.lots(&tenant, &query, now);
    let wire = |page: Page<Lot, GrantId>, position| LotPage {
        lots: page.items.into_iter().map(LotView::from).collect(),
        next_after: page.next,
        position,
    };
    reader.answer(at_least, read, wire).await
}
