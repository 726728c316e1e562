//! `/v1/periods`: periods whose trial balance is sealed (rules C1, C2).

use std::sync::Arc;

use axum::extract::State as Extracted;
use axum::response::Response;
use quipu_domain::period::{BookedBalance, ClosePeriod, PeriodCommand, PeriodEvent, PeriodName};
use quipu_domain::{Event, Label, Position, Timestamp};
use quipu_engine::{Command, DueSource, Receipt};
use quipu_journal::Head;
use quipu_views::{AsOf, ClosedPeriod, KnownAt, Page, TrialBalanceLine, TrialBalanceQuery, Views};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, CommandAnswer};
use crate::call::Call;
use crate::due::DueWallets;
use crate::parameters::{ListQuery, StrictQuery};
use crate::problem::Problem;
use crate::reading::{Reader, blocking};
use crate::state::State;
use crate::strict_json::StrictJson;
use crate::wire::Embedded;

/// Which period is closed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"period": "2026-10"}))]
pub(crate) struct CloseRequest {
    /// A year, a month or a day of UTC: `2026`, `2026-10`, `2026-10-31`.
    #[schema(value_type = String)]
    period: PeriodName,
}

/// Seals the trial balance of a period that is over, as it is known now. Nothing is forbidden by
/// it: what is recorded later and counts in it stands as `late` in the next one.
#[utoipa::path(
    post, path = "/v1/periods/close", tag = "journal",
    operation_id = "close_period", request_body = CloseRequest,
    responses((
        status = 200, body = CommandAnswer,
        description = "The period is closed. `balances` has all accounts, of however many events."
    ))
)]
pub(crate) async fn close(
    Extracted(state): Extracted<State>,
    call: Call,
    StrictJson(request): StrictJson<CloseRequest>,
) -> Result<Response, Problem> {
    // C2: what one seals, the next knows: none reads before the one before it is decided.
    let _alone = state.closing.lock().await;
    let read_from = state.engine.now();
    seen_head(&state).await?;
    // W12: what ended in the period is in its seal, however late the scheduler comes.
    let due: Arc<dyn DueSource> = Arc::new(DueWallets(state.views.clone()));
    state.engine.write_due(&due).await?;
    let head = seen_head(&state).await?;
    let period = request.period;
    let query = TrialBalanceQuery {
        from: Some(period.begins_at()),
        to: Some(period.ends_at()),
        at: AsOf { as_of: None, known_at: Some(KnownAt::Position(head.position)) },
        ..TrialBalanceQuery::default()
    };
    let views = state.views.clone();
    let now = state.engine.now();
    let trial = blocking(move || views.trial_balance_to_seal(&query, now)).await?.value;
    let balances: Result<Vec<BookedBalance>, Problem> = trial.lines.iter().map(booked).collect();
    let command = Command::Period(PeriodCommand::Close(ClosePeriod {
        period,
        read_from,
        known_at: head.position,
        root: label(&head.root)?,
        balances: balances?,
    }));
    let receipt = call.execute("periods.close", &(), &request, command).await?;
    answer::changed(&whole(receipt), "PeriodClosed")
}

/// The end of a commit, with the root that the journal has there, once the views have it: nothing
/// speculative.
async fn seen_head(state: &State) -> Result<Head, Problem> {
    let journal = state.engine.journal().clone();
    let head = blocking(move || journal.head()).await?;
    state.views.wait_for(head.position, state.limits.view_timeout).await?;
    Ok(head)
}

/// C2: a trial balance that is sealed in several events is answered as one.
fn whole(mut receipt: Receipt) -> Receipt {
    let sealed = receipt.events.iter().filter_map(|recorded| match &recorded.event {
        Event::Period(event) => Some(event.balances()),
        _ => None,
    });
    let balances = sealed.flatten().cloned().collect();
    if let Some(last) = receipt.events.last_mut()
        && let Event::Period(PeriodEvent::PeriodClosed(closed)) = &mut Arc::make_mut(last).event
    {
        closed.balances = balances;
    }
    receipt
}

fn booked(line: &TrialBalanceLine) -> Result<BookedBalance, Problem> {
    let decimal = |micros: i128| {
        let decimal = Decimal::try_from_i128_with_scale(micros, quipu_domain::amount::SCALE);
        decimal.map(|decimal| decimal.normalize()).map_err(|error| Problem::internal(&error))
    };
    Ok(BookedBalance {
        account: label(&line.account)?,
        before: decimal(line.opening)?,
        closing: decimal(line.closing)?,
    })
}

fn label(name: &impl ToString) -> Result<Label, Problem> {
    name.to_string().parse::<Label>().map_err(|error| Problem::internal(&error))
}

/// A closed period.
#[derive(Serialize, ToSchema)]
pub(crate) struct PeriodView {
    /// What it is called.
    #[schema(value_type = String, example = "2026-10")]
    period: PeriodName,
    /// Its first moment.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// The first moment after it.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// The last event that was taken into account.
    #[schema(value_type = u64)]
    known_at: Position,
    /// The journal's root there.
    #[schema(value_type = String)]
    root: Label,
    /// What the accounts held: `account`, and `opening`, `late` and `movement`, which make
    /// `closing`.
    #[schema(value_type = Vec<Object>)]
    balances: Embedded,
    /// When it was closed.
    #[schema(value_type = String, format = DateTime)]
    closed_at: Timestamp,
    /// The event that closed it.
    #[schema(value_type = u64)]
    event: Position,
}

/// Closed periods, from the first on.
#[derive(Serialize, ToSchema)]
pub(crate) struct PeriodPage {
    periods: Vec<PeriodView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_after: Option<PeriodName>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl From<ClosedPeriod> for PeriodView {
    fn from(closed: ClosedPeriod) -> PeriodView {
        PeriodView {
            period: closed.period,
            from: closed.begins_at,
            to: closed.ends_at,
            known_at: closed.known_at,
            root: closed.root,
            balances: Embedded(closed.balances),
            closed_at: closed.closed_at,
            event: closed.position,
        }
    }
}

/// Lists the periods that were closed, from the first on: fewer than `limit` on a page where they
/// have very many balances.
#[utoipa::path(
    get, path = "/v1/periods", tag = "journal",
    operation_id = "list_periods", params(ListQuery<PeriodName>),
    responses((status = 200, body = PeriodPage, description = "A page of periods."))
)]
pub(crate) async fn list(
    reader: Reader,
    StrictQuery(query): StrictQuery<ListQuery<PeriodName>>,
) -> Result<Response, Problem> {
    let ListQuery { after, limit, at_least } = query;
    let read = move |views: &Views, _| views.periods(after, limit.0);
    let wire = |page: Page<ClosedPeriod, PeriodName>, position| PeriodPage {
        periods: page.items.into_iter().map(PeriodView::from).collect(),
        next_after: page.next,
        position,
    };
    reader.answer(at_least, read, wire).await
}
