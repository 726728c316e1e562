//! One command on its way: who sends it, under which key, and how its outcome is waited for.

mod wallet;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use quipu_domain::{Label, Metadata, Personal, Refusal, TenantId};
use quipu_engine::{Command, EngineError, Receipt, Request};
use quipu_sealing::Digests;
use serde::Serialize;

use crate::edge::RequestId;
use crate::idempotency::{IdempotencyKey, canonical, digest, fingerprint};
use crate::parameters::{NoParameters, StrictQuery};
use crate::problem::{Problem, outcome_unknown};
use crate::reading::blocking;
use crate::state::{Limits, State};
pub(crate) use wallet::{Target, WalletRequest, bind};

/// Who sends every command until access control lands.
const LOCAL_ACTOR: &str = "local";

/// A command's surroundings. Its extraction refuses a request without an idempotency key, and
/// one with a query string, which no command has.
pub(crate) struct Call {
    state: State,
    key: IdempotencyKey,
    request_id: RequestId,
    /// Whom the request has personal texts about, once they are sealed.
    subject: Option<TenantId>,
}

impl FromRequestParts<State> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Call, Problem> {
        let StrictQuery(NoParameters {}) = StrictQuery::from_request_parts(parts, state).await?;
        let key = IdempotencyKey::from_request_parts(parts, state).await?;
        let Ok(request_id) = RequestId::from_request_parts(parts, state).await;
        Ok(Call { state: state.clone(), key, request_id, subject: None })
    }
}

impl Call {
    pub(crate) fn key(&self) -> &IdempotencyKey {
        &self.key
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Seals a personal text of the request (P1), about a tenant that there must be.
    pub(crate) async fn seal(
        &mut self,
        subject: &TenantId,
        text: &Label,
    ) -> Result<Personal, Problem> {
        existing(&self.state, subject).await?;
        self.seal_first(subject, text).await
    }

    /// Seals a personal text of the request that creates the tenant.
    pub(crate) async fn seal_first(
        &mut self,
        subject: &TenantId,
        text: &Label,
    ) -> Result<Personal, Problem> {
        self.subject = Some(subject.clone());
        let (keys, subject, text) = (self.state.keys.clone(), subject.clone(), text.clone());
        blocking(move || keys.seal(&subject, &text)).await
    }

    /// Seals a personal text of the request, if it has it.
    pub(crate) async fn seal_some(
        &mut self,
        subject: &TenantId,
        text: Option<&Label>,
    ) -> Result<Option<Personal>, Problem> {
        match text {
            Some(text) => self.seal(subject, text).await.map(Some),
            None => Ok(None),
        }
    }

    /// Has the command decided. `operation`, `target` and `request` are what its key is bound to.
    pub(crate) async fn execute(
        self,
        operation: &str,
        target: &impl Serialize,
        request: &impl Serialize,
        command: Command,
    ) -> Result<Receipt, Problem> {
        let (engine, limits) = (self.state.engine.clone(), self.state.limits);
        let request = self.request(operation, target, request, command).await?;
        answered(&limits, engine.execute(request)).await
    }

    /// Has a command to a wallet decided.
    pub(crate) async fn execute_on<R: WalletRequest>(
        self,
        target: R::Target,
        request: R,
    ) -> Result<Receipt, Problem> {
        let Call { state, key, request_id, .. } = self;
        let (is_personal, keys) = (request.personal().is_some(), state.keys.clone());
        if is_personal {
            existing(&state, target.tenant()).await?;
        }
        let bind = move || bind(&target, &request, key, metadata(request_id), &keys);
        let request = if is_personal { blocking(bind).await? } else { bind()? };
        answered(&state.limits, state.engine.execute(request)).await
    }

    /// The command as the engine takes it.
    pub(crate) async fn request(
        self,
        operation: &str,
        target: &impl Serialize,
        request: &impl Serialize,
        command: Command,
    ) -> Result<Request, Problem> {
        let canonical = canonical(operation, target, request);
        let digests = match self.subject {
            None => Digests::of_nobody(digest(&canonical)),
            // P3: a plain digest would confirm a guess at what was erased.
            Some(subject) => {
                let keys = self.state.keys.clone();
                blocking(move || keys.digests(&subject, &canonical)).await?
            }
        };
        Ok(bound_request(command, metadata(self.request_id), self.key, digests))
    }
}

/// Refuses a tenant that there is not, before a key is made for it.
async fn existing(state: &State, tenant: &TenantId) -> Result<(), Problem> {
    if may_seal(state, tenant).await? { Ok(()) } else { Err(unknown(tenant.clone()).into()) }
}

/// P1, P4: whether there is a key to seal a tenant's texts with, or may be: a refused command to a
/// tenant that never was would leave one behind. Whoever was told of a tenant finds it: its
/// creation made a key, and where that was erased since, the creation has long been durable.
pub(crate) async fn may_seal(state: &State, tenant: &TenantId) -> Result<bool, Problem> {
    if state.keys.has_key(tenant) {
        return Ok(true);
    }
    answered(&state.limits, state.engine.has_tenant(tenant)).await
}

/// What a command to a tenant that there is not is refused with.
pub(crate) fn unknown(tenant: TenantId) -> EngineError {
    Refusal::UnknownTenant { tenant }.into()
}

/// Waits for what the engine answers, but not for ever.
pub(crate) async fn answered<T>(
    limits: &Limits,
    answer: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, Problem> {
    let answer = tokio::time::timeout(limits.command_timeout, answer).await;
    Ok(answer.map_err(|_elapsed| outcome_unknown())??)
}

/// What a command carries that was sent under a key and means what has this digest.
pub(crate) fn bound(by: Metadata, key: IdempotencyKey, digest: [u8; 32]) -> Metadata {
    Metadata { command: Some(key.0), fingerprint: Some(fingerprint(digest)), ..by }
}

/// A command that was sent under a key and means what has these digests.
fn bound_request(command: Command, by: Metadata, key: IdempotencyKey, digests: Digests) -> Request {
    let Digests { current, others } = digests;
    let also_bound_to = others.into_iter().map(fingerprint).collect();
    Request { command, metadata: bound(by, key, current), also_bound_to }
}

/// Who sends a request and what it is called.
pub(crate) fn metadata(request_id: RequestId) -> Metadata {
    let actor: Label = LOCAL_ACTOR.parse().expect("the name is a label");
    Metadata { correlation: Some(request_id.0), ..Metadata::by(actor) }
}
