//! One command on its way: who sends it, under which key, and how its outcome is waited for.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use quipu_domain::{Label, Metadata};
use quipu_engine::{Command, Receipt, Request};
use serde::Serialize;

use crate::edge::RequestId;
use crate::idempotency::{IdempotencyKey, fingerprint};
use crate::parameters::{NoParameters, StrictQuery};
use crate::problem::{Problem, outcome_unknown};
use crate::state::State;

/// Who sends every command until access control lands.
const LOCAL_ACTOR: &str = "local";

/// A command's surroundings. Its extraction refuses a request without an idempotency key, and
/// one with a query string, which no command has.
pub(crate) struct Call {
    state: State,
    key: IdempotencyKey,
    request_id: RequestId,
}

impl FromRequestParts<State> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Call, Problem> {
        let StrictQuery(NoParameters {}) = StrictQuery::from_request_parts(parts, state).await?;
        let key = IdempotencyKey::from_request_parts(parts, state).await?;
        let Ok(request_id) = RequestId::from_request_parts(parts, state).await;
        Ok(Call { state: state.clone(), key, request_id })
    }
}

impl Call {
    pub(crate) fn key(&self) -> &IdempotencyKey {
        &self.key
    }

    /// Has the command decided. `operation`, `subject` and `request` are what its key is bound to.
    pub(crate) async fn execute(
        self,
        operation: &str,
        subject: &impl Serialize,
        request: &impl Serialize,
        command: Command,
    ) -> Result<Receipt, Problem> {
        let metadata = Metadata {
            command: Some(self.key.0),
            fingerprint: Some(fingerprint(operation, subject, request)),
            ..metadata(self.request_id)
        };
        let outcome = self.state.engine.execute(Request { command, metadata });
        let receipt = tokio::time::timeout(self.state.limits.command_timeout, outcome)
            .await
            .map_err(|_elapsed| outcome_unknown())??;
        Ok(receipt)
    }
}

/// Who sends a request and what it is called.
pub(crate) fn metadata(request_id: RequestId) -> Metadata {
    let actor: Label = LOCAL_ACTOR.parse().expect("the name is a label");
    Metadata { correlation: Some(request_id.0), ..Metadata::by(actor) }
}
