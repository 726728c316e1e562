//! `/v1/tenants/{tenant}/debits`: credits that are consumed (rule W4).

use std::collections::BTreeMap;

use axum::response::Response;
use quipu_domain::ids::new_name_if_any;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::Debit;
use quipu_domain::wallet::event::Attribution;
use quipu_domain::{Label, MeterName, Personal, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::{Call, WalletRequest};
use crate::parameters::PathIds;
use crate::problem::Problem;
use crate::strict_json::StrictJson;
use crate::wire::{Amount, dimensions};

/// Credits to be consumed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": "1.25", "meter": "reports", "agent": "analyst", "reason": "monthly report"}))]
pub(crate) struct DebitRequest {
    /// How much.
    amount: Amount,
    /// What for.
    #[serde(
        default,
        deserialize_with = "new_name_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    meter: Option<MeterName>,
    /// When it counts; now where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_at: Option<Timestamp>,
    /// The agent that did the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    agent: Option<Label>,
    /// The run, meeting or job it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    run: Option<Label>,
    /// The model that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    model: Option<Label>,
    /// Your own dimensions, at most 16.
    #[serde(default, deserialize_with = "dimensions", skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    dimensions: BTreeMap<Label, Label>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Label>,
}

impl WalletRequest for DebitRequest {
    type Target = TenantId;
    const OPERATION: &'static str = "debits.create";
    const EVENT: &'static str = "CreditsDebited";

    fn personal(&self) -> Option<&Label> {
        self.reason.as_ref()
    }

    fn command(&self, _: &TenantId, reason: Option<Personal>) -> WalletCommand {
        WalletCommand::Debit(Debit {
            amount: self.amount.0,
            meter: self.meter.clone(),
            effective_at: self.effective_at,
            attribution: Attribution {
                agent: self.agent.clone(),
                run: self.run.clone(),
                model: self.model.clone(),
                dimensions: self.dimensions.clone(),
            },
            reason,
        })
    }
}

/// Consumes credits.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/debits", tag = "wallet",
    operation_id = "create_debit", request_body = DebitRequest,
    responses((status = 201, body = CommandAnswer, description = "The credits are consumed."))
)]
pub(crate) async fn create(
    call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<DebitRequest>,
) -> Result<Response, Problem> {
    let receipt = call.execute_on(tenant, request).await?;
    answer::created(&receipt, DebitRequest::EVENT)
}
