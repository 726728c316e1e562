//! `/v1/tenants/{tenant}/holds`: credits that are reserved for work under way (rules W6 to W9).

mod list;

use std::collections::BTreeMap;

use axum::response::Response;
use quipu_domain::ids::new_name_if_any;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::PlaceHold;
use quipu_domain::wallet::event::{Attribution, Overage};
use quipu_domain::{HoldId, Label, MeterName, Personal, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::{Call, WalletRequest};
use crate::choices;
use crate::parameters::PathIds;
use crate::problem::Problem;
use crate::strict_json::StrictJson;
use crate::wire::{Amount, dimensions};
pub(crate) use list::{__path_list, list};

/// Credits to be reserved.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": "75", "ttl_seconds": 900, "meter": "llm_tokens", "agent": "analyst"}))]
pub(crate) struct HoldRequest {
    /// How much.
    amount: Amount,
    /// For how long, 1 to 86400; 900 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl_seconds: Option<i64>,
    /// What for.
    #[serde(
        default,
        deserialize_with = "new_name_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    meter: Option<MeterName>,
    /// What a settlement larger than the hold does: `overflow` (charged from what is available,
    /// then beyond the overdraft limit), `cap` (charged as held) or `reject`; `overflow` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<choices::Overage>)]
    overage: Option<Overage>,
    /// The agent that does the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    agent: Option<Label>,
    /// The run, meeting or job it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    run: Option<Label>,
    /// The model that is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    model: Option<Label>,
    /// Your own dimensions, at most 16.
    #[serde(default, deserialize_with = "dimensions", skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    dimensions: BTreeMap<Label, Label>,
}

/// More time for a hold.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ttl_seconds": 900}))]
pub(crate) struct ExtendRequest {
    /// Seconds from now, 1 to 86400; 900 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl_seconds: Option<i64>,
}

/// The end of a hold in a charge.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": "62.5"}))]
pub(crate) struct SettleRequest {
    /// What the work came to; zero returns everything.
    amount: Amount,
}

/// The end of a hold without a charge.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct ReleaseRequest {
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Label>,
}

impl WalletRequest for HoldRequest {
    type Target = TenantId;
    const OPERATION: &'static str = "holds.create";
    const EVENT: &'static str = "HoldPlaced";

    fn command(&self, _: &TenantId, _: Option<Personal>) -> WalletCommand {
        WalletCommand::PlaceHold(PlaceHold {
            amount: self.amount.0,
            ttl_seconds: self.ttl_seconds,
            meter: self.meter.clone(),
            overage: self.overage.unwrap_or_default(),
            attribution: Attribution {
                agent: self.agent.clone(),
                run: self.run.clone(),
                model: self.model.clone(),
                dimensions: self.dimensions.clone(),
            },
        })
    }
}

impl WalletRequest for ExtendRequest {
    type Target = (TenantId, HoldId);
    const OPERATION: &'static str = "holds.extend";
    const EVENT: &'static str = "HoldExtended";

    fn command(&self, &(_, hold): &(TenantId, HoldId), _: Option<Personal>) -> WalletCommand {
        WalletCommand::ExtendHold { hold, ttl_seconds: self.ttl_seconds }
    }
}

impl WalletRequest for SettleRequest {
    type Target = (TenantId, HoldId);
    const OPERATION: &'static str = "holds.settle";
    const EVENT: &'static str = "HoldSettled";

    fn command(&self, &(_, hold): &(TenantId, HoldId), _: Option<Personal>) -> WalletCommand {
        WalletCommand::SettleHold { hold, amount: self.amount.0 }
    }
}

impl WalletRequest for ReleaseRequest {
    type Target = (TenantId, HoldId);
    const OPERATION: &'static str = "holds.release";
    const EVENT: &'static str = "HoldReleased";

    fn personal(&self) -> Option<&Label> {
        self.reason.as_ref()
    }

    fn command(&self, &(_, hold): &(TenantId, HoldId), reason: Option<Personal>) -> WalletCommand {
        WalletCommand::ReleaseHold { hold, reason }
    }
}

/// Reserves credits.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/holds", tag = "wallet",
    operation_id = "create_hold", request_body = HoldRequest,
    responses((status = 201, body = CommandAnswer, description = "The credits are held."))
)]
pub(crate) async fn create(
    call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<HoldRequest>,
) -> Result<Response, Problem> {
    let receipt = call.execute_on(tenant, request).await?;
    answer::created(&receipt, HoldRequest::EVENT)
}

/// Gives a hold that has not expired more time.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/holds/{hold}/extend", tag = "wallet",
    operation_id = "extend_hold",
    request_body = ExtendRequest,
    responses((status = 200, body = CommandAnswer, description = "The hold lives on."))
)]
pub(crate) async fn extend(
    call: Call,
    PathIds(hold): PathIds<(TenantId, HoldId)>,
    StrictJson(request): StrictJson<ExtendRequest>,
) -> Result<Response, Problem> {
    let receipt = call.execute_on(hold, request).await?;
    answer::changed(&receipt, ExtendRequest::EVENT)
}

/// Ends a hold in a charge; what is not charged returns to its lots.
///
/// The work is paid for by this: recorded as usage, too, it would be charged twice.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/holds/{hold}/settle", tag = "wallet",
    operation_id = "settle_hold",
    request_body = SettleRequest,
    responses((status = 200, body = CommandAnswer, description = "The hold has ended in a charge."))
)]
pub(crate) async fn settle(
    call: Call,
    PathIds(hold): PathIds<(TenantId, HoldId)>,
    StrictJson(request): StrictJson<SettleRequest>,
) -> Result<Response, Problem> {
    let receipt = call.execute_on(hold, request).await?;
    answer::changed(&receipt, SettleRequest::EVENT)
}

/// Ends a hold without a charge.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/holds/{hold}/release", tag = "wallet",
    operation_id = "release_hold",
    request_body = ReleaseRequest,
    responses((status = 200, body = CommandAnswer, description = "Everything has returned."))
)]
pub(crate) async fn release(
    call: Call,
    PathIds(hold): PathIds<(TenantId, HoldId)>,
    StrictJson(request): StrictJson<ReleaseRequest>,
) -> Result<Response, Problem> {
    let receipt = call.execute_on(hold, request).await?;
    answer::changed(&receipt, ReleaseRequest::EVENT)
}
