//! `/v1/tenants/{tenant}/usage/{entry}`: taking a record back, or rating it again (rules U3, U4).

use axum::response::Response;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::{EntryId, TenantId};
use quipu_engine::Command;

use crate::answer::{self, CommandAnswer};
use crate::call::Call;
use crate::parameters::PathIds;
use crate::problem::{Code, Problem};
use crate::strict_json::StrictJson;
use crate::tenants::ReasonRequest;

/// Takes a mistaken usage record back, with what is left of its cost. The record stays.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/usage/{entry}/void", tag = "usage",
    operation_id = "void_usage",
    request_body = ReasonRequest,
    responses((status = 200, body = CommandAnswer, description = "The record is void."))
)]
pub(crate) async fn void(
    mut call: Call,
    PathIds((tenant, entry)): PathIds<(TenantId, EntryId)>,
    StrictJson(request): StrictJson<ReasonRequest>,
) -> Result<Response, Problem> {
    let reason = call.seal(&tenant, &request.reason).await?;
    let command = WalletCommand::VoidUsage { entry, reason };
    let command = Command::Wallet { tenant: tenant.clone(), command };
    let receipt = call.execute("usage.void", &(tenant, entry), &request, command).await;
    let in_parts = "refund parts of the record first, then void what is left of it";
    let receipt =
        receipt.map_err(|problem| problem.hinting_where(Code::EventTooLarge, in_parts))?;
    answer::changed(&receipt, "UsageVoided")
}

/// Rates a usage record by the prices that are known now for when it occurred, and charges or
/// returns the difference.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/usage/{entry}/rate", tag = "usage",
    operation_id = "rate_usage",
    request_body = ReasonRequest,
    responses((status = 200, body = CommandAnswer, description = "The record has that price now."))
)]
pub(crate) async fn rate(
    mut call: Call,
    PathIds((tenant, entry)): PathIds<(TenantId, EntryId)>,
    StrictJson(request): StrictJson<ReasonRequest>,
) -> Result<Response, Problem> {
    let reason = call.seal(&tenant, &request.reason).await?;
    let command = WalletCommand::RateUsage { entry, reason };
    let command = Command::Wallet { tenant: tenant.clone(), command };
    let receipt = call.execute("usage.rate", &(tenant, entry), &request, command).await;
    let in_parts = "do not rate the record: refund the difference in parts, or debit it";
    let receipt =
        receipt.map_err(|problem| problem.hinting_where(Code::EventTooLarge, in_parts))?;
    answer::changed(&receipt, "UsageRated")
}
