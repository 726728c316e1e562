//! `/v1/subjects/{subject}/erase`: what was sealed for a subject becomes unreadable, for everybody
//! and for ever (rule P4).

mod named_keys;

use axum::response::Response;
use quipu_domain::TenantId;
use quipu_domain::subject::{SubjectCommand, SubjectErased, SubjectEvent};
use quipu_domain::{Event, Label};
use quipu_engine::{Command, EngineError, Receipt};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::Call;
use crate::parameters::PathIds;
use crate::problem::{Problem, outcome_unknown};
use crate::reading::blocking;
use crate::strict_json::StrictJson;
pub(crate) use named_keys::NamedKeys;

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
    let timeout = call.state().limits.command_timeout;
    // Outside the timeout: the first erasure of a server reads the whole journal.
    let state = call.state();
    state.named_keys.read_on(state.engine.journal()).await?;
    // A task of its own: once it is recorded, it is done, whether the caller still waits or not.
    let erased = tokio::spawn(record_and_destroy(call, subject, request));
    let receipt = tokio::time::timeout(timeout, erased)
        .await
        .map_err(|_elapsed| outcome_unknown())?
        .map_err(|panic| Problem::internal(&panic))??;
    answer::changed(&receipt, "SubjectErased")
}

/// The event comes first, because it says which keys are to go: after a crash between the two, the
/// next start reads it and destroys them. The other way round, data would be gone that nobody
/// has recorded as erased. A retry destroys again what is left.
async fn record_and_destroy(
    call: Call,
    subject: TenantId,
    request: EraseRequest,
) -> Result<Receipt, Problem> {
    let (engine, keys) = (call.state().engine.clone(), call.state().keys.clone());
    let (all, named, owner) = (keys.clone(), call.state().named_keys.clone(), subject.clone());
    let retired = blocking(move || all.retire(&owner, named.of(&owner))).await?;
    let (doomed, reason) = (retired.clone(), request.reason.clone());
    let command =
        Command::Subject(SubjectCommand::Erase { subject: subject.clone(), keys: doomed, reason });
    let erasure = call.request("subjects.erase", &subject, &request, command).await?;
    let outcome = engine.execute(erasure).await;
    for recorded in outcome.iter().flat_map(|receipt| &receipt.events) {
        if let Event::Subject(SubjectEvent::SubjectErased(erased)) = &recorded.event {
            let SubjectErased { subject, keys: doomed, .. } = erased.clone();
            let keys = keys.clone();
            blocking(move || keys.destroy(&subject, &doomed)).await?;
        }
    }
    if is_without_effect(&outcome) {
        keys.spare(&retired);
    }
    Ok(outcome?)
}

/// Whether an erasure is not recorded for sure. Where that is open, its keys must seal nothing more.
fn is_without_effect(outcome: &Result<Receipt, EngineError>) -> bool {
    match outcome {
        Ok(receipt) => receipt.replayed,
        Err(error) => matches!(
            error,
            EngineError::Refused(_)
                | EngineError::KeyReused { .. }
                | EngineError::KeyInFlight
                | EngineError::EventTooLarge { .. }
                | EngineError::Overloaded
        ),
    }
}
