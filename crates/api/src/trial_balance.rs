//! `/v1/trial-balance`: what stood in every account, what moved it and what stands in it (M4).

use axum::response::Response;
use quipu_domain::{Position, TenantId, Timestamp};
use quipu_views::{
    AsOf, TrialBalance, TrialBalanceGroup, TrialBalanceLine, TrialBalanceQuery, Views,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::parameters::{KnownAtParameter, StrictQuery, require_period};
use crate::problem::Problem;
use crate::reading::Reader;
use crate::wire::credits_of_micros;

/// Which trial balance.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// `account` (where absent), `tenant`, or `meter`: only what was consumed, by what for.
    #[param(inline)]
    group_by: GroupByParameter,
    /// Only this tenant.
    #[param(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// Movements that count from then on.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// Movements that count before then.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// The books at this effective time.
    #[param(value_type = Option<String>)]
    as_of: Option<Timestamp>,
    /// The books as they were known at this time of recording, or at this position.
    #[param(value_type = Option<String>)]
    known_at: Option<KnownAtParameter>,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    at_least: Option<Position>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GroupByParameter {
    #[default]
    Account,
    Tenant,
    Meter,
}

impl From<GroupByParameter> for TrialBalanceGroup {
    fn from(group: GroupByParameter) -> TrialBalanceGroup {
        match group {
            GroupByParameter::Account => TrialBalanceGroup::Account,
            GroupByParameter::Tenant => TrialBalanceGroup::Tenant,
            GroupByParameter::Meter => TrialBalanceGroup::Meter,
        }
    }
}

/// A line of a trial balance: opening and movement make closing.
#[derive(Serialize, ToSchema)]
#[schema(as = TrialBalanceLine)]
pub(crate) struct LineView {
    /// Whose, in a trial balance by tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// Which account.
    #[schema(example = "consumed/llm_tokens")]
    account: String,
    /// What stood in it when the period began.
    #[schema(example = "0")]
    opening: String,
    /// What moved it: above zero, it got more than it gave.
    #[schema(example = "12.5")]
    movement: String,
    /// What stood in it when the period ended.
    #[schema(example = "12.5")]
    closing: String,
}

/// A trial balance.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialBalanceAnswer {
    lines: Vec<LineView>,
    /// What all accounts closed with together: anything but zero is an error in the books.
    #[schema(example = "0")]
    sum: String,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl From<TrialBalanceLine> for LineView {
    fn from(line: TrialBalanceLine) -> LineView {
        LineView {
            tenant: line.tenant,
            account: line.account.to_string(),
            opening: credits_of_micros(line.opening),
            movement: credits_of_micros(line.movement),
            closing: credits_of_micros(line.closing),
        }
    }
}

/// Shows what stood in every account when a period began, what moved it, and what stood in it when
/// the period ended: over all tenants or one, in both times. Without `to` and `as_of`, grants that
/// are dated ahead are in it.
#[utoipa::path(
    get, path = "/v1/trial-balance", tag = "journal",
    operation_id = "show_trial_balance", params(Parameters),
    responses((status = 200, body = TrialBalanceAnswer, description = "The trial balance."))
)]
pub(crate) async fn show(
    reader: Reader,
    StrictQuery(parameters): StrictQuery<Parameters>,
) -> Result<Response, Problem> {
    let Parameters { group_by, tenant, from, to, as_of, known_at, at_least } = parameters;
    require_period(from, to)?;
    let at = AsOf { as_of, known_at: known_at.map(|known_at| known_at.0) };
    let query = TrialBalanceQuery { group_by: group_by.into(), tenant, from, to, at };
    let read = move |views: &Views, now| views.trial_balance(&query, now);
    let wire = |trial: TrialBalance, position| TrialBalanceAnswer {
        lines: trial.lines.into_iter().map(LineView::from).collect(),
        sum: credits_of_micros(trial.sum),
        position,
    };
    reader.answer(at_least, read, wire).await
}
