//! What governs a whole wallet: its overdraft limit (rule W5), and whether it is frozen (W13).

use axum::response::Response;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::{Label, TenantId};
use quipu_engine::Command;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::Call;
use crate::parameters::PathIds;
use crate::problem::Problem;
use crate::strict_json::StrictJson;
use crate::tenants::ReasonRequest;
use crate::wire::Amount;

/// How far a wallet may go below zero.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"limit": "100", "reason": "pays by invoice"}))]
pub(crate) struct OverdraftLimitRequest {
    /// The limit; zero forbids overdraft.
    limit: Amount,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Label>,
}

/// Sets how far the wallet may go below zero.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/overdraft-limit", tag = "wallet",
    operation_id = "set_overdraft_limit",
    request_body = OverdraftLimitRequest,
    responses((status = 200, body = CommandAnswer, description = "The limit holds now."))
)]
pub(crate) async fn set_overdraft_limit(
    mut call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<OverdraftLimitRequest>,
) -> Result<Response, Problem> {
    let reason = call.seal_some(&tenant, request.reason.as_ref()).await?;
    let command = WalletCommand::SetOverdraftLimit { limit: request.limit.0, reason };
    let command = Command::Wallet { tenant: tenant.clone(), command };
    let receipt = call.execute("overdraft_limit.set", &tenant, &request, command).await?;
    answer::changed(&receipt, "OverdraftLimitSet")
}

/// Freezes the wallet: no debits, no usage and no holds; settle, release and refund still work.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/freeze", tag = "wallet",
    operation_id = "freeze_wallet", request_body = ReasonRequest,
    responses((status = 200, body = CommandAnswer, description = "The wallet is frozen."))
)]
pub(crate) async fn freeze(
    mut call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<ReasonRequest>,
) -> Result<Response, Problem> {
    let reason = call.seal(&tenant, &request.reason).await?;
    let command = WalletCommand::Freeze { reason };
    let command = Command::Wallet { tenant: tenant.clone(), command };
    let receipt = call.execute("wallet.freeze", &tenant, &request, command).await?;
    answer::changed(&receipt, "WalletFrozen")
}

/// Ends a freeze.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/unfreeze", tag = "wallet",
    operation_id = "unfreeze_wallet", request_body = ReasonRequest,
    responses((status = 200, body = CommandAnswer, description = "The wallet is open again."))
)]
pub(crate) async fn unfreeze(
    mut call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<ReasonRequest>,
) -> Result<Response, Problem> {
    let reason = call.seal(&tenant, &request.reason).await?;
    let command = WalletCommand::Unfreeze { reason };
    let command = Command::Wallet { tenant: tenant.clone(), command };
    let receipt = call.execute("wallet.unfreeze", &tenant, &request, command).await?;
    answer::changed(&receipt, "WalletUnfrozen")
}
