//! `/v1/tenants/{tenant}/grants`: credits that come in (rules W1, W11).

use axum::response::Response;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::Grant;
use quipu_domain::wallet::event::{GrantKind, LotTerms, Origin};
use quipu_domain::{GrantId, Label, MeterName, Personal, TenantId, Timestamp};
use quipu_engine::Command;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::{Call, WalletRequest};
use crate::choices;
use crate::parameters::PathIds;
use crate::problem::Problem;
use crate::strict_json::StrictJson;
use crate::tenants::ReasonRequest;
use crate::wire::{Amount, Number};

/// Credits to be granted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"amount": "500", "kind": "paid", "source": "order 4711"}))]
pub(crate) struct GrantRequest {
    /// How much.
    amount: Amount,
    /// `paid` or `promotional`; `paid` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<choices::GrantKind>)]
    kind: Option<GrantKind>,
    /// 0 to 100, low burns first; 50 where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    /// From when it can be spent; now where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_at: Option<Timestamp>,
    /// Until when it can be spent; for ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Meters that may burn it; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    scope: Vec<MeterName>,
    /// Which account issues it: `purchase`, `plan`, `promotion` or `adjustment`; where absent,
    /// `purchase` for what is paid and `promotion` for what is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<choices::Origin>)]
    origin: Option<Origin>,
    /// What one credit cost, in money, for reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_cost: Option<Number>,
    /// What it refers to outside: an order, an invoice, a payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source: Option<Label>,
}

impl WalletRequest for GrantRequest {
    type Target = TenantId;
    const OPERATION: &'static str = "grants.create";
    const EVENT: &'static str = "CreditsGranted";

    fn personal(&self) -> Option<&Label> {
        self.source.as_ref()
    }

    fn command(&self, _: &TenantId, source: Option<Personal>) -> WalletCommand {
        let kind = self.kind.unwrap_or(GrantKind::Paid);
        let origin = self.origin.unwrap_or(match kind {
            GrantKind::Paid => Origin::Purchase,
            GrantKind::Promotional => Origin::Promotion,
        });
        WalletCommand::Grant(Grant {
            amount: self.amount.0,
            kind,
            priority: self.priority.unwrap_or(LotTerms::DEFAULT_PRIORITY),
            effective_at: self.effective_at,
            expires_at: self.expires_at,
            scope: self.scope.clone(),
            origin,
            unit_cost: self.unit_cost.map(|cost| cost.0),
            source,
        })
    }
}

/// Grants credits.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/grants", tag = "wallet",
    operation_id = "create_grant", request_body = GrantRequest,
    responses((status = 201, body = CommandAnswer, description = "The lot exists now."))
)]
pub(crate) async fn create(
    call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<GrantRequest>,
) -> Result<Response, Problem> {
    let receipt = call.execute_on(tenant, request).await?;
    answer::created(&receipt, GrantRequest::EVENT)
}

/// Takes the unused remainder of a grant back; held parts follow when they return.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/grants/{grant}/void", tag = "wallet",
    operation_id = "void_grant",
    request_body = ReasonRequest,
    responses((status = 200, body = CommandAnswer, description = "Nothing is left of the lot."))
)]
pub(crate) async fn void(
    mut call: Call,
    PathIds((tenant, grant)): PathIds<(TenantId, GrantId)>,
    StrictJson(request): StrictJson<ReasonRequest>,
) -> Result<Response, Problem> {
    let reason = call.seal(&tenant, &request.reason).await?;
    let command = WalletCommand::VoidGrant { grant, reason };
    let command = Command::Wallet { tenant: tenant.clone(), command };
    let receipt = call.execute("grants.void", &(tenant, grant), &request, command).await?;
    answer::changed(&receipt, "GrantVoided")
}
