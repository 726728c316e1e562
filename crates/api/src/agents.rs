//! `/v1/tenants/{tenant}/agents`: the programs of a tenant that burn credits.

use axum::response::Response;
use quipu_domain::agent::AgentCommand;
use quipu_domain::ids::new_name;
use quipu_domain::{AgentId, Label, Personal, Position, TenantId, Timestamp};
use quipu_engine::Command;
use quipu_views::{Agent, AgentStatus, Page, Views};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::Call;
use crate::parameters::{ListQuery, PathIds, StrictQuery};
use crate::problem::Problem;
use crate::reading::Reader;
use crate::strict_json::StrictJson;
use crate::tenants::{ReasonRequest, RenameRequest};

/// An agent to be registered.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "analyst", "name": "Financial analyst"}))]
pub(crate) struct AgentRequest {
    /// Its id, unique within the tenant: 1 to 64 of a-z, 0-9, `_`, `-`, `.`.
    #[serde(deserialize_with = "new_name")]
    #[schema(value_type = String)]
    id: AgentId,
    /// Its name for people.
    #[schema(value_type = String)]
    name: Label,
}

/// Registers an agent.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/agents", tag = "agents",
    operation_id = "register_agent", request_body = AgentRequest,
    responses((status = 201, body = CommandAnswer, description = "The agent is known now."))
)]
pub(crate) async fn register(
    mut call: Call,
    PathIds(tenant): PathIds<TenantId>,
    StrictJson(request): StrictJson<AgentRequest>,
) -> Result<Response, Problem> {
    let agent = request.id.clone();
    let name = call.seal(&tenant, &request.name).await?;
    let command = AgentCommand::Register { agent: agent.clone(), name };
    let command = Command::Agent { tenant: tenant.clone(), agent, command };
    let receipt = call.execute("agents.register", &tenant, &request, command).await?;
    answer::created(&receipt, "AgentRegistered")
}

/// Gives an agent another name.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/agents/{agent}/rename", tag = "agents",
    operation_id = "rename_agent",
    request_body = RenameRequest,
    responses((status = 200, body = CommandAnswer, description = "It has the new name now."))
)]
pub(crate) async fn rename(
    mut call: Call,
    PathIds((tenant, agent)): PathIds<(TenantId, AgentId)>,
    StrictJson(request): StrictJson<RenameRequest>,
) -> Result<Response, Problem> {
    let subject = (tenant.clone(), agent.clone());
    let name = call.seal(&tenant, &request.name).await?;
    let command = AgentCommand::Rename { name };
    let command = Command::Agent { tenant, agent, command };
    let receipt = call.execute("agents.rename", &subject, &request, command).await?;
    answer::changed(&receipt, "AgentRenamed")
}

/// Retires an agent: it records no usage, debits or holds any more.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/agents/{agent}/retire", tag = "agents",
    operation_id = "retire_agent",
    request_body = ReasonRequest,
    responses((status = 200, body = CommandAnswer, description = "It does nothing more."))
)]
pub(crate) async fn retire(
    mut call: Call,
    PathIds((tenant, agent)): PathIds<(TenantId, AgentId)>,
    StrictJson(request): StrictJson<ReasonRequest>,
) -> Result<Response, Problem> {
    let subject = (tenant.clone(), agent.clone());
    let reason = call.seal(&tenant, &request.reason).await?;
    let command = AgentCommand::Retire { reason };
    let command = Command::Agent { tenant, agent, command };
    let receipt = call.execute("agents.retire", &subject, &request, command).await?;
    answer::changed(&receipt, "AgentRetired")
}

/// Whether an agent may work.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AgentStatus)]
pub(crate) enum AgentState {
    Active,
    Retired,
}

/// An agent, as the views know it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AgentView {
    /// Its id.
    #[schema(value_type = String)]
    id: AgentId,
    /// Its name for people; `[erased]` after its tenant was erased.
    #[schema(value_type = String)]
    name: Personal,
    /// `active` or `retired`.
    status: AgentState,
    /// Why it was retired.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    retired_reason: Option<Personal>,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    registered_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// Agents by id.
#[derive(Serialize, ToSchema)]
pub(crate) struct AgentPage {
    agents: Vec<AgentView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_after: Option<AgentId>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl From<Agent> for AgentView {
    fn from(agent: Agent) -> AgentView {
        AgentView {
            id: agent.agent,
            name: agent.name,
            status: match agent.status {
                AgentStatus::Active => AgentState::Active,
                AgentStatus::Retired => AgentState::Retired,
            },
            retired_reason: agent.retired_reason,
            registered_at: agent.registered_at,
            changed_at: agent.changed_at,
        }
    }
}

/// Lists a tenant's agents by id.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/agents", tag = "agents",
    operation_id = "list_agents", params(ListQuery<AgentId>),
    responses((status = 200, body = AgentPage, description = "A page of agents."))
)]
pub(crate) async fn list(
    reader: Reader,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<ListQuery<AgentId>>,
) -> Result<Response, Problem> {
    let ListQuery { after, limit, at_least } = query;
    let read = move |views: &Views, _| views.agents(&tenant, after.as_ref(), limit.0);
    let wire = |page: Page<Agent, AgentId>, position| AgentPage {
        agents: page.items.into_iter().map(AgentView::from).collect(),
        next_after: page.next,
        position,
    };
    reader.answer(at_least, read, wire).await
}
