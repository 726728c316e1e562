//! Reading holds.

use axum::response::Response;
use quipu_domain::wallet::event::Overage;
use quipu_domain::{Credits, HoldId, Label, MeterName, Position, TenantId, Timestamp};
use quipu_views::{AsOf, Hold, HoldQuery, HoldStatus, Page, Views};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::choices;
use crate::parameters::{KnownAtParameter, Limit, PathIds, StrictQuery};
use crate::problem::Problem;
use crate::reading::Reader;
use crate::wire::Embedded;

/// Which holds.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HoldsQuery {
    /// Only holds in this state; open ones where absent.
    #[param(inline)]
    status: StatusParameter,
    /// The holds at this effective time: what counts later is left out.
    #[param(value_type = Option<String>)]
    as_of: Option<Timestamp>,
    /// The holds as they were known at this time of recording, or at this position.
    #[param(value_type = Option<String>)]
    known_at: Option<KnownAtParameter>,
    /// Go on after this hold: the `next_after` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<HoldId>,
    /// At most so many, 1 to 1000; 100 where absent.
    #[param(inline)]
    limit: Limit,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    at_least: Option<Position>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatusParameter {
    #[default]
    Open,
    Settled,
    Released,
    Expired,
    All,
}

impl From<StatusParameter> for Option<HoldStatus> {
    fn from(status: StatusParameter) -> Option<HoldStatus> {
        match status {
            StatusParameter::Open => Some(HoldStatus::Open),
            StatusParameter::Settled => Some(HoldStatus::Settled),
            StatusParameter::Released => Some(HoldStatus::Released),
            StatusParameter::Expired => Some(HoldStatus::Expired),
            StatusParameter::All => None,
        }
    }
}

/// What became of a hold.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HoldStatus)]
enum HoldState {
    Open,
    Settled,
    Released,
    Expired,
}

/// A hold, as the views know it.
#[derive(Serialize, ToSchema)]
pub(crate) struct HoldView {
    /// Its id.
    #[schema(value_type = String)]
    id: HoldId,
    /// What it reserved.
    #[schema(value_type = String)]
    amount: Credits,
    /// `open`, `settled`, `released` or `expired`.
    status: HoldState,
    /// When it runs out.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// What a larger settlement does.
    #[schema(value_type = choices::Overage)]
    overage: Overage,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    meter: Option<MeterName>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    agent: Option<Label>,
    /// The run, meeting or job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    run: Option<Label>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    model: Option<Label>,
    /// The lots that it pinned and the overdraft it reserved.
    #[schema(value_type = Object)]
    draws: Embedded,
    /// What was charged.
    #[schema(value_type = String)]
    charged: Credits,
    /// What was asked for and not charged.
    #[schema(value_type = String)]
    shortfall: Credits,
    /// When it was placed.
    #[schema(value_type = String, format = DateTime)]
    placed_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// Holds in the order in which they were placed.
#[derive(Serialize, ToSchema)]
pub(crate) struct HoldPage {
    holds: Vec<HoldView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_after: Option<HoldId>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl From<Hold> for HoldView {
    fn from(hold: Hold) -> HoldView {
        HoldView {
            id: hold.hold_position,
            amount: hold.amount,
            status: match hold.status {
                HoldStatus::Open => HoldState::Open,
                HoldStatus::Settled => HoldState::Settled,
                HoldStatus::Released => HoldState::Released,
                HoldStatus::Expired => HoldState::Expired,
            },
            expires_at: hold.expires_at,
            overage: hold.overage,
            meter: hold.meter,
            agent: hold.agent,
            run: hold.run,
            model: hold.model,
            draws: Embedded(hold.draws),
            charged: hold.charged,
            shortfall: hold.shortfall,
            placed_at: hold.placed_at,
            ended_at: hold.ended_at,
        }
    }
}

/// Lists a tenant's holds in the order in which they were placed; open ones, if nothing is said.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/holds", tag = "wallet",
    operation_id = "list_holds", params(HoldsQuery),
    responses((status = 200, body = HoldPage, description = "A page of holds."))
)]
pub(crate) async fn list(
    reader: Reader,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<HoldsQuery>,
) -> Result<Response, Problem> {
    let HoldsQuery { status, as_of, known_at, after, limit, at_least } = query;
    let at = AsOf { as_of, known_at: known_at.map(|known_at| known_at.0) };
    let query = HoldQuery { status: status.into(), at, after, limit: limit.0 };
    let read = move |views: &Views, now| views.holds(&tenant, &query, now);
    let wire = |page: Page<Hold, HoldId>, position| HoldPage {
        holds: page.items.into_iter().map(HoldView::from).collect(),
        next_after: page.next,
        position,
    };
    reader.answer(at_least, read, wire).await
}
