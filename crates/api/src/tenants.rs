//! `/v1/tenants`: who wallets, agents and usage belong to.

use axum::response::Response;
use quipu_domain::ids::new_name_if_any;
use quipu_domain::tenant::TenantCommand;
use quipu_domain::{Label, Personal, Position, TenantId, Timestamp};
use quipu_engine::Command;
use quipu_views::{Page, Tenant, TenantStatus, Views};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::Call;
use crate::idempotency::IdempotencyKey;
use crate::parameters::{ListQuery, PathIds, ReadQuery, StrictQuery};
use crate::problem::Problem;
use crate::reading::Reader;
use crate::strict_json::StrictJson;

/// A tenant to be created.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Acme", "time_zone": "Europe/Stockholm"}))]
pub(crate) struct TenantRequest {
    /// Its name for people.
    #[schema(value_type = String)]
    name: Label,
    /// Its id: `t_` and 1 to 64 of a-z, 0-9, `_`, `-`, `.`; the server makes one where absent.
    #[serde(
        default,
        deserialize_with = "new_name_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    id: Option<TenantId>,
    /// IANA time zone of its periods; `UTC` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<Label>,
}

/// A new name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Acme Limited"}))]
pub(crate) struct RenameRequest {
    /// The name for people.
    #[schema(value_type = String)]
    pub(crate) name: Label,
}

/// A change that wants a reason.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "payment is overdue"}))]
pub(crate) struct ReasonRequest {
    /// Why, for the audit log.
    #[schema(value_type = String)]
    pub(crate) reason: Label,
}

/// Creates a tenant.
#[utoipa::path(
    post, path = "/v1/tenants", tag = "tenants",
    operation_id = "create_tenant", request_body = TenantRequest,
    responses((status = 201, body = CommandAnswer, description = "The tenant exists now."))
)]
pub(crate) async fn create(
    mut call: Call,
    StrictJson(request): StrictJson<TenantRequest>,
) -> Result<Response, Problem> {
    let tenant = request.id.clone().unwrap_or_else(|| minted(call.key()));
    let time_zone = request.time_zone.clone();
    let name = call.seal_first(&tenant, &request.name).await?;
    let command = TenantCommand::Create {
        tenant: tenant.clone(),
        name,
        time_zone: time_zone.unwrap_or_else(|| "UTC".parse().expect("the name is a label")),
    };
    let command = Command::Tenant { tenant, command };
    let receipt = call.execute("tenants.create", &(), &request, command).await?;
    answer::created(&receipt, "TenantCreated")
}

/// Gives a tenant another name.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/rename", tag = "tenants",
    operation_id = "rename_tenant", request_body = RenameRequest,
    responses((status = 200, body = CommandAnswer, description = "It has the new name now."))
)]
pub(crate) async fn rename(
    mut call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<RenameRequest>,
) -> Result<Response, Problem> {
    let name = call.seal(&tenant, &request.name).await?;
    let command = TenantCommand::Rename { name };
    let command = Command::Tenant { tenant: tenant.clone(), command };
    let receipt = call.execute("tenants.rename", &tenant, &request, command).await?;
    answer::changed(&receipt, "TenantRenamed")
}

/// Suspends a tenant: new debits, holds and usage are refused; what is held can be settled.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/suspend", tag = "tenants",
    operation_id = "suspend_tenant", request_body = ReasonRequest,
    responses((status = 200, body = CommandAnswer, description = "It is suspended now."))
)]
pub(crate) async fn suspend(
    mut call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<ReasonRequest>,
) -> Result<Response, Problem> {
    let reason = call.seal(&tenant, &request.reason).await?;
    let command = TenantCommand::Suspend { reason };
    let command = Command::Tenant { tenant: tenant.clone(), command };
    let receipt = call.execute("tenants.suspend", &tenant, &request, command).await?;
    answer::changed(&receipt, "TenantSuspended")
}

/// Ends a suspension.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/reactivate", tag = "tenants",
    operation_id = "reactivate_tenant", request_body = ReasonRequest,
    responses((status = 200, body = CommandAnswer, description = "It is active again."))
)]
pub(crate) async fn reactivate(
    mut call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<ReasonRequest>,
) -> Result<Response, Problem> {
    let reason = call.seal(&tenant, &request.reason).await?;
    let command = TenantCommand::Reactivate { reason };
    let command = Command::Tenant { tenant: tenant.clone(), command };
    let receipt = call.execute("tenants.reactivate", &tenant, &request, command).await?;
    answer::changed(&receipt, "TenantReactivated")
}

/// Whether a tenant may spend.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TenantStatus)]
pub(crate) enum TenantState {
    Active,
    Suspended,
}

/// A tenant, as the views know it.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// Its id.
    #[schema(value_type = String)]
    id: TenantId,
    /// Its name for people; `[erased]` after an erasure.
    #[schema(value_type = String)]
    name: Personal,
    /// IANA time zone of its periods.
    #[schema(value_type = String)]
    time_zone: Label,
    /// `active` or `suspended`.
    status: TenantState,
    /// Why it is suspended, while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    suspended_reason: Option<Personal>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// Tenants by id.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantPage {
    tenants: Vec<TenantView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_after: Option<TenantId>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

/// One tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantAnswer {
    #[serde(flatten)]
    tenant: TenantView,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> TenantView {
        TenantView {
            id: tenant.tenant,
            name: tenant.name,
            time_zone: tenant.time_zone,
            status: match tenant.status {
                TenantStatus::Active => TenantState::Active,
                TenantStatus::Suspended => TenantState::Suspended,
            },
            suspended_reason: tenant.suspended_reason,
            created_at: tenant.created_at,
            changed_at: tenant.changed_at,
        }
    }
}

/// Lists tenants by id.
#[utoipa::path(
    get, path = "/v1/tenants", tag = "tenants",
    operation_id = "list_tenants", params(ListQuery<TenantId>),
    responses((status = 200, body = TenantPage, description = "A page of tenants."))
)]
pub(crate) async fn list(
    reader: Reader,
    StrictQuery(query): StrictQuery<ListQuery<TenantId>>,
) -> Result<Response, Problem> {
    let ListQuery { after, limit, at_least } = query;
    let read = move |views: &Views, _| views.tenants(after.as_ref(), limit.0);
    let wire = |page: Page<Tenant, TenantId>, position| TenantPage {
        tenants: page.items.into_iter().map(TenantView::from).collect(),
        next_after: page.next,
        position,
    };
    reader.answer(at_least, read, wire).await
}

/// Shows one tenant.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}", tag = "tenants",
    operation_id = "show_tenant", params(ReadQuery),
    responses((status = 200, body = TenantAnswer, description = "The tenant."))
)]
pub(crate) async fn show(
    reader: Reader,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<ReadQuery>,
) -> Result<Response, Problem> {
    let read = move |views: &Views, _| views.tenant(&tenant);
    let wire = |tenant: Tenant, position| TenantAnswer { tenant: tenant.into(), position };
    reader.answer(query.at_least, read, wire).await
}

/// An id for a tenant whose creator chose none. It follows from the idempotency key, so that a
/// retry names the same tenant and meets its own first attempt.
fn minted(key: &IdempotencyKey) -> TenantId {
    const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Sha256::new().chain_update("tenant/").chain_update(key.0.as_str()).finalize();
    let letter = |byte: &u8| char::from(BASE32[usize::from(byte % 32)]);
    let name: String = digest.iter().take(16).map(letter).collect();
    format!("t_{name}").parse().expect("16 letters and digits of base32 are a name")
}
