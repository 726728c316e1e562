//! `/v1/tenants/{tenant}/refunds`: consumed credits that are returned (rule W10).

use axum::response::Response;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::{EntryId, Label, Personal, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::{Call, WalletRequest};
use crate::parameters::PathIds;
use crate::problem::Problem;
use crate::strict_json::StrictJson;
use crate::wire::Amount;

/// Credits to be returned.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"entry": "entry_17", "amount": "0.5", "reason": "the report was wrong"}))]
pub(crate) struct RefundRequest {
    /// The debit, settlement or usage record.
    #[schema(value_type = String)]
    entry: EntryId,
    /// How much; all that is left of it where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Amount>,
    /// New expiry for credits whose lot has expired; without it they expire at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Label>,
}

impl WalletRequest for RefundRequest {
    type Target = TenantId;
    const OPERATION: &'static str = "refunds.create";
    const EVENT: &'static str = "CreditsRefunded";

    fn personal(&self) -> Option<&Label> {
        self.reason.as_ref()
    }

    fn command(&self, _: &TenantId, reason: Option<Personal>) -> WalletCommand {
        WalletCommand::Refund {
            entry: self.entry,
            amount: self.amount.map(|amount| amount.0),
            expires_at: self.expires_at,
            reason,
        }
    }
}

/// Returns credits to the lots they came from.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/refunds", tag = "wallet",
    operation_id = "create_refund", request_body = RefundRequest,
    responses((status = 201, body = CommandAnswer, description = "The credits are back."))
)]
pub(crate) async fn create(
    call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<RefundRequest>,
) -> Result<Response, Problem> {
    let receipt = call.execute_on(tenant, request).await?;
    answer::created(&receipt, RefundRequest::EVENT)
}
