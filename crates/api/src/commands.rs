//! `/v1/commands`: many commands to wallets in one request, each as if it came alone (rule J7).

mod outcome;

use std::collections::BTreeSet;

use axum::extract::{Request as HttpRequest, State as Shared};
use axum::response::Response;
use quipu_domain::{HoldId, Metadata, TenantId};
use quipu_engine::{EngineError, Request};
use quipu_sealing::{SealingError, SubjectKeys};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::Schema;

use crate::call::{Target, WalletRequest, answered, bind, may_seal, metadata, unknown};
use crate::debits::DebitRequest;
use crate::edge::RequestId;
use crate::grants::GrantRequest;
use crate::holds::{ExtendRequest, HoldRequest, ReleaseRequest, SettleRequest};
use crate::idempotency::{self, IdempotencyKey};
use crate::openapi::any_of;
use crate::parameters::{NoParameters, StrictQuery};
use crate::problem::{Code, Problem};
use crate::reading::blocking;
use crate::refunds::RefundRequest;
use crate::state::State;
use crate::strict_json::{self, MediaType, decode_part, read_body, require};
use crate::wire::{Object, bounded_array};

use outcome::Results;

/// Commands in one request at most.
const MOST_COMMANDS: usize = 1_000;

/// A command to a wallet, as its own endpoint takes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Command, example = json!({
    "operation": "settle", "tenant": "t_acme", "hold": "hold_17", "idempotency_key": "job-9-settle",
    "request": {"amount": "62.5"}
}))]
struct CommandItem {
    /// What to do.
    operation: Operation,
    /// Whose wallet.
    #[schema(value_type = String)]
    tenant: TenantId,
    /// Which hold; for `extend`, `settle` and `release`, and for nothing else.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    hold: Option<HoldId>,
    /// Unique to this command within its tenant, wherever it is sent; the same one again on a retry.
    #[schema(value_type = String)]
    idempotency_key: IdempotencyKey,
    /// The body of the operation's own endpoint.
    #[schema(schema_with = any_request)]
    request: Box<RawValue>,
}

/// What a command does.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Debit,
    Hold,
    Extend,
    Settle,
    Release,
    Grant,
    Refund,
}

/// Carries out many commands, 1 to 1,000, of any tenants. Each is the same command as one that is
/// sent alone, known by the same idempotency key and answered with the same answer. They are decided one
/// after the other, in their order; one that is refused refuses no other. A request that is not
/// understood to the last field is refused whole.
#[utoipa::path(
    post, path = "/v1/commands", tag = "wallet",
    operation_id = "execute_commands", request_body = Vec<CommandItem>,
    responses(
        (status = 200, body = Results, description = "All are accepted."),
        (status = 207, body = Results, description = "Some were refused: see each result."),
    )
)]
pub(crate) async fn execute(
    Shared(state): Shared<State>,
    request_id: RequestId,
    StrictQuery(NoParameters {}): StrictQuery<NoParameters>,
    request: HttpRequest,
) -> Result<Response, Problem> {
    let commands = read(request, &state).await?;
    let events: Vec<&'static str> = commands.iter().map(|command| command.event).collect();
    let subjects = commands.iter().filter_map(|command| command.subject.clone()).collect();
    let unknown_tenants = unknown_tenants(subjects, &state).await?;
    let (keys, by) = (state.keys.clone(), metadata(request_id));
    let bind = move |command: Understood| match command.subject {
        Some(subject) if unknown_tenants.contains(&subject) => Ok(Err(unknown(subject))),
        _ => (command.bind)(by.clone(), &keys).map(Ok),
    };
    // Sealing waits for a disk, and a thousand digests take a millisecond.
    let bound = move || commands.into_iter().map(bind).collect();
    let bound = blocking::<Vec<Result<Request, EngineError>>, SealingError>(bound).await?;
    let requests = bound.iter().filter_map(|request| request.as_ref().ok().cloned()).collect();
    let decided = answered(&state.limits, state.engine.execute_all(requests)).await?;
    let mut decided = decided.into_iter();
    let mut next = || decided.next().expect("the engine has an outcome for each command");
    let outcomes = bound.into_iter().map(|request| request.and_then(|_| next())).collect();
    outcome::answer(outcomes, &events)
}

/// The tenants that there are not, of those that something is to be sealed for.
async fn unknown_tenants(
    subjects: BTreeSet<TenantId>,
    state: &State,
) -> Result<BTreeSet<TenantId>, Problem> {
    let mut unknown = BTreeSet::new();
    for subject in subjects {
        if !may_seal(state, &subject).await? {
            unknown.insert(subject);
        }
    }
    Ok(unknown)
}

/// Understands all commands before anything is done about one of them.
async fn read(request: HttpRequest, state: &State) -> Result<Vec<Understood>, Problem> {
    let (parts, body) = request.into_parts();
    let limits = &state.limits;
    let bytes = read_body(&parts.headers, body, limits.batch_body_bytes, limits).await?;
    require(&parts.headers, &[MediaType::Json])?;
    if parts.headers.contains_key(idempotency::HEADER) {
        // Who sends it relies on it. Ignored, it would let a retry with new keys in its body
        // take effect twice.
        return Err(Problem::new(
            Code::InvalidHeader,
            "the header Idempotency-Key has no meaning for commands with keys of their own",
            "leave it out, and send each command with the same `idempotency_key` on a retry",
        ));
    }
    let Commands(commands) = strict_json::decode(&bytes)?;
    commands.into_iter().enumerate().map(|(index, command)| command.understand(index)).collect()
}

/// The commands of a request.
struct Commands(Vec<CommandItem>);

impl<'de> Deserialize<'de> for Commands {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Commands, D::Error> {
        bounded_array(deserializer, MOST_COMMANDS, "an array of commands").map(Commands)
    }
}

/// A command that is understood, and not yet sealed and bound to its key.
struct Understood {
    bind: Bind,
    /// Whom a personal text in it is about.
    subject: Option<TenantId>,
    /// The event that it is answered with.
    event: &'static str,
}

type Bind = Box<dyn FnOnce(Metadata, &SubjectKeys) -> Result<Request, SealingError> + Send>;

impl CommandItem {
    fn understand(self, index: usize) -> Result<Understood, Problem> {
        match self.operation {
            Operation::Debit => self.on_wallet::<DebitRequest>(index),
            Operation::Hold => self.on_wallet::<HoldRequest>(index),
            Operation::Extend => self.on_hold::<ExtendRequest>(index),
            Operation::Settle => self.on_hold::<SettleRequest>(index),
            Operation::Release => self.on_hold::<ReleaseRequest>(index),
            Operation::Grant => self.on_wallet::<GrantRequest>(index),
            Operation::Refund => self.on_wallet::<RefundRequest>(index),
        }
    }

    fn on_wallet<R: WalletRequest<Target = TenantId>>(
        self,
        index: usize,
    ) -> Result<Understood, Problem> {
        if self.hold.is_some() {
            let problem = strict_json::of_message("unknown field `hold`: this operation has none");
            return Err(problem.with("pointer", format!("/{index}/hold")));
        }
        let tenant = self.tenant.clone();
        self.on::<R>(index, tenant)
    }

    fn on_hold<R: WalletRequest<Target = (TenantId, HoldId)>>(
        self,
        index: usize,
    ) -> Result<Understood, Problem> {
        let Some(hold) = self.hold else {
            let problem = strict_json::of_message("missing field `hold`");
            return Err(problem.with("pointer", format!("/{index}")));
        };
        let tenant = self.tenant.clone();
        self.on::<R>(index, (tenant, hold))
    }

    fn on<R: WalletRequest>(self, index: usize, target: R::Target) -> Result<Understood, Problem> {
        let Object(request) =
            decode_part::<Object<R>>(&self.request, format_args!("/{index}/request"))?;
        let key = self.idempotency_key;
        let subject = request.personal().map(|_| target.tenant().clone());
        let bind = move |by, keys: &SubjectKeys| bind(&target, &request, key, by, keys);
        Ok(Understood { bind: Box::new(bind), subject, event: R::EVENT })
    }
}

/// The schema of a command's `request`: a body may be one for several operations, as `{}` is.
fn any_request() -> Schema {
    any_of([
        DebitRequest::name(),
        HoldRequest::name(),
        ExtendRequest::name(),
        SettleRequest::name(),
        ReleaseRequest::name(),
        GrantRequest::name(),
        RefundRequest::name(),
    ])
}
