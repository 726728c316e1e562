//! `/v1/explain`: any number down to the entries, the events, who sent them, and what caused them.
//!
//! A number is read from the views, as everybody reads it; what it is made of is read from the
//! journal. An answer says whether both come to the same.

mod numbers;
mod sources;
mod things;
mod view;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use quipu_domain::postings::Account;
use quipu_domain::{Label, MeterName, Position, TenantId, Timestamp};
use quipu_projections::explain::{Explanation, Figures, Part, Rest};
use quipu_views::AsOf;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::answer::json;
use crate::parameters::{
    KnownAtParameter, PathIds, StrictQuery, whole_number, whole_number_schema,
};
use crate::problem::{Code, Problem};
use crate::reading::blocking;
use crate::state::State;
use crate::usage_report::WindowParameter;
use numbers::{Number, UsageRow};
use things::Thing;
pub(crate) use view::CauseView;
use view::ExplanationAnswer;

/// How many levels of causes are told of an event that is asked for by itself, and of the lines of
/// a number.
const LEVELS_OF_ONE: usize = 3;
const LEVELS_OF_LINES: usize = 1;

/// What an explanation is put together from, before its events are told.
struct Draft {
    what: String,
    figures: Figures,
    parts: Vec<Part>,
    /// Events by position, with what each adds.
    lines: Vec<(Position, Figures)>,
    rest: Option<Rest>,
    /// How deep the causes of an event are told.
    levels: usize,
    /// Up to where the views knew the journal when the number was read.
    position: Position,
}

/// How many events are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines(usize);

impl Lines {
    const MOST: usize = 100;
}

impl PartialSchema for Lines {
    fn schema() -> RefOr<Schema> {
        whole_number_schema(Lines::MOST)
    }
}

impl ToSchema for Lines {}

impl Default for Lines {
    fn default() -> Lines {
        Lines(20)
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Lines, D::Error> {
        whole_number(deserializer, Lines::MOST).map(Lines)
    }
}

/// An account of the book by its name.
#[derive(Clone, Debug)]
pub(super) struct AccountName(Account);

impl<'de> Deserialize<'de> for AccountName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AccountName, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(AccountName).map_err(|_| {
            let expected = "an account such as available, held, overdraft or consumed/llm_tokens";
            D::Error::invalid_value(Unexpected::Str(&text), &expected)
        })
    }
}

/// Which balance.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BalanceParameters {
    /// `available` (where absent), `held` or `overdraft`.
    #[param(inline)]
    account: OwnAccount,
    /// The books at this effective time; now where absent.
    #[param(value_type = Option<String>)]
    as_of: Option<Timestamp>,
    /// The books as they were known at this time of recording, or at this position.
    #[param(value_type = Option<String>)]
    known_at: Option<KnownAtParameter>,
    /// Tell so many events, 1 to 100, the last ones; 20 where absent. The others are summed up.
    #[param(inline)]
    limit: Lines,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    at_least: Option<Position>,
}

/// One of a tenant's own accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OwnAccount {
    #[default]
    Available,
    Held,
    Overdraft,
}

impl OwnAccount {
    const fn account(self) -> Account {
        match self {
            OwnAccount::Available => Account::Available,
            OwnAccount::Held => Account::Held,
            OwnAccount::Overdraft => Account::Overdraft,
        }
    }
}

/// Which account.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccountParameters {
    /// Its name, such as `consumed/llm_tokens`.
    #[param(value_type = String)]
    account: AccountName,
    /// Whose; where absent, the sum over all tenants is explained by those with most of it.
    #[param(value_type = Option<String>)]
    tenant: Option<TenantId>,
    /// Tell so many events or tenants, 1 to 100; 20 where absent. The others are summed up.
    #[param(inline)]
    #[serde(default)]
    limit: Lines,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    #[serde(default)]
    at_least: Option<Position>,
}

/// Which row of a usage report.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageParameters {
    /// `hour` (of UTC), or `day` or `month` in the tenant's time zone.
    #[param(inline)]
    window: WindowParameter,
    /// The window's first moment, as the report gives it.
    #[param(value_type = String)]
    window_start: Timestamp,
    /// Only this meter.
    #[param(value_type = Option<String>)]
    meter: Option<MeterName>,
    /// Only this agent.
    #[param(value_type = Option<String>)]
    agent: Option<Label>,
    /// Only this model.
    #[param(value_type = Option<String>)]
    model: Option<Label>,
    /// Tell so many events, 1 to 100, the last ones; 20 where absent. The others are summed up.
    #[param(inline)]
    #[serde(default)]
    limit: Lines,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    #[serde(default)]
    at_least: Option<Position>,
}

/// How much of a thing's story.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ThingParameters {
    /// Tell so many events, 1 to 100, the last ones; 20 where absent. The others are summed up.
    #[param(inline)]
    limit: Lines,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    at_least: Option<Position>,
}

/// Explains a tenant's balance: what `/balance` shows, now or in the books of a moment.
#[utoipa::path(
    get, path = "/v1/explain/balance/{tenant}", tag = "journal",
    operation_id = "explain_balance", params(BalanceParameters),
    responses((status = 200, body = ExplanationAnswer, description = "The balance, its last events, and the rest."))
)]
pub(crate) async fn balance(
    Shared(state): Shared<State>,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<BalanceParameters>,
) -> Result<Response, Problem> {
    let at = AsOf { as_of: query.as_of, known_at: query.known_at.map(|known_at| known_at.0) };
    let number = if at == AsOf::default() {
        Number::Present { tenant, account: query.account }
    } else {
        Number::Past { tenant, account: query.account, at }
    };
    explain(state, number, query.limit, query.at_least).await
}

/// Explains an account of the trial balance, of one tenant or of all.
#[utoipa::path(
    get, path = "/v1/explain/account", tag = "journal",
    operation_id = "explain_account", params(AccountParameters),
    responses((status = 200, body = ExplanationAnswer, description = "The account, its last events or largest holders, and the rest."))
)]
pub(crate) async fn account(
    Shared(state): Shared<State>,
    StrictQuery(query): StrictQuery<AccountParameters>,
) -> Result<Response, Problem> {
    let AccountName(account) = query.account;
    let number = match query.tenant {
        Some(tenant) => Number::Account { tenant, account },
        None => Number::AccountOfAll { account },
    };
    explain(state, number, query.limit, query.at_least).await
}

/// Explains a row of a usage report.
#[utoipa::path(
    get, path = "/v1/explain/usage/{tenant}", tag = "journal",
    operation_id = "explain_usage", params(UsageParameters),
    responses((status = 200, body = ExplanationAnswer, description = "The figures, their last events, and the rest."))
)]
pub(crate) async fn usage(
    Shared(state): Shared<State>,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<UsageParameters>,
) -> Result<Response, Problem> {
    let row = UsageRow {
        window: (query.window.unit(), query.window_start),
        meter: query.meter,
        agent: query.agent,
        model: query.model,
    };
    explain(state, Number::Usage { tenant, row }, query.limit, query.at_least).await
}

/// Explains an entry, a grant, a hold, or any event by its position.
#[utoipa::path(
    get, path = "/v1/explain/{id}", tag = "journal",
    operation_id = "explain_thing", params(ThingParameters),
    responses((status = 200, body = ExplanationAnswer, description = "What it is, and what became of it."))
)]
pub(crate) async fn thing(
    Shared(state): Shared<State>,
    PathIds(id): PathIds<String>,
    StrictQuery(query): StrictQuery<ThingParameters>,
) -> Result<Response, Problem> {
    let thing: Thing = id.parse().map_err(|()| {
        Problem::new(
            Code::InvalidPath,
            "this is no id of a thing that can be explained",
            "write entry_17, grant_17, hold_17, or a position such as 17",
        )
    })?;
    explain(state, Number::Of(thing), query.limit, query.at_least).await
}

/// Reads a number and what it is made of, and tells its events.
async fn explain(
    state: State,
    number: Number,
    lines: Lines,
    at_least: Option<Position>,
) -> Result<Response, Problem> {
    if let Some(position) = at_least {
        state.views.wait_for(position, state.limits.view_timeout).await?;
    }
    let (views, journal) = (state.views.clone(), state.engine.journal().clone());
    let now = state.engine.now();
    let draft = blocking(move || number.draft(&views, &journal, now, lines.0)).await?;
    let position = draft.position;
    let explanation: Explanation = sources::tell(&state, draft).await?;
    Ok(json(StatusCode::OK, &ExplanationAnswer::of(explanation, position)))
}
