//! `/v1/subjects/{subject}/erase`: what was sealed for a subject becomes unreadable, for everybody
//! and for ever (rule P4).

use axum::response::Response;
use quipu_domain::TenantId;
use quipu_domain::subject::{SubjectCommand, SubjectErased, SubjectEvent};
use quipu_domain::{Event, Label};
use quipu_engine::{Command, Receipt, Request};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::Call;
use crate::parameters::PathIds;
use crate::problem::{Problem, outcome_unknown};
use crate::reading::blocking;
use crate::state::State;
use crate::strict_json::StrictJson;

/// An erasure.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "request 4711 under article 17"}))]
pub(crate) struct EraseRequest {
    /// Why. It stays in clear, and for ever: refer to the request, and name nobody.
    #[schema(value_type = String)]
    reason: Label,
}

/// Destroys the keys of what was sealed for a subject, which is a tenant. Names, reasons and
/// references of its events read `[erased]` from then on; amounts, hashes and proofs stay as they
/// are. What is given for the tenant afterwards is sealed under a new key. There is no way back.
#[utoipa::path(
    post, path = "/v1/subjects/{subject}/erase", tag = "tenants",
    operation_id = "erase_subject", request_body = EraseRequest,
    responses((status = 200, body = CommandAnswer, description = "The keys are destroyed."))
)]
pub(crate) async fn erase(
    call: Call,
    PathIds(subject): PathIds<TenantId>,
    StrictJson(request): StrictJson<EraseRequest>,
) -> Result<Response, Problem> {
    let state = call.state().clone();
    let (keys, owner) = (state.keys.clone(), subject.clone());
    let keys = blocking(move || keys.retire(&owner)).await?;
    let reason = request.reason.clone();
    let command =
        Command::Subject(SubjectCommand::Erase { subject: subject.clone(), keys, reason });
    let erasure = call.request("subjects.erase", &subject, &request, command).await?;
    let timeout = state.limits.command_timeout;
    // A task of its own: once it is recorded, it is done, whether the caller still waits or not.
    let erased = tokio::spawn(record_and_destroy(state, erasure));
    let receipt = tokio::time::timeout(timeout, erased)
        .await
        .map_err(|_elapsed| outcome_unknown())?
        .map_err(|panic| Problem::internal(&panic))??;
    answer::changed(&receipt, "SubjectErased")
}

/// The event comes first, because it says which keys are to go: after a crash between the two, the
/// next start reads it and destroys them. The other way round, data would be gone that nobody
/// has recorded as erased. A retry destroys again what is left.
async fn record_and_destroy(state: State, erasure: Request) -> Result<Receipt, Problem> {
    let receipt = state.engine.execute(erasure).await?;
    for recorded in &receipt.events {
        if let Event::Subject(SubjectEvent::SubjectErased(erased)) = &recorded.event {
            let SubjectErased { subject, keys: doomed, .. } = erased.clone();
            let keys = state.keys.clone();
            blocking(move || keys.destroy(&subject, &doomed)).await?;
        }
    }
    Ok(receipt)
}
