//! `/v1/tenants/{tenant}/entries`: the statement. Every line says what moved, what was left, from
//! which lots, who did it and why.

mod line;

use axum::response::Response;
use quipu_domain::{Label, MeterName, Position, TenantId, Timestamp};
use quipu_views::{AsOf, EntryQuery, StatementPage, Views};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::balance::BookBalanceView;
use crate::parameters::{
    KnownAtParameter, Limit, OrderParameter, PathIds, StrictQuery, require_period,
};
use crate::problem::Problem;
use crate::reading::Reader;
use line::EntryView;

/// Which lines.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EntriesQuery {
    /// `oldest_first` (where absent) or `newest_first`.
    #[param(inline)]
    order: OrderParameter,
    /// Go on after this line: the `next_after` of the page before.
    #[param(value_type = Option<u64>)]
    after: Option<Position>,
    /// At most so many, 1 to 1000; 100 where absent.
    #[param(inline)]
    limit: Limit,
    /// Only this type of event, such as `CreditsDebited`.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Only this meter.
    #[param(value_type = Option<String>)]
    meter: Option<MeterName>,
    /// Only this agent.
    #[param(value_type = Option<String>)]
    agent: Option<Label>,
    /// Effective from then on.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// Effective before then.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// The books at this effective time.
    #[param(value_type = Option<String>)]
    as_of: Option<Timestamp>,
    /// The books as they were known at this time of recording, or at this position.
    #[param(value_type = Option<String>)]
    known_at: Option<KnownAtParameter>,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    at_least: Option<Position>,
}

impl EntriesQuery {
    fn query(self) -> EntryQuery {
        EntryQuery {
            order: self.order.into(),
            after: self.after,
            at: AsOf { as_of: self.as_of, known_at: self.known_at.map(|known_at| known_at.0) },
            event_type: self.event_type,
            meter: self.meter,
            agent: self.agent,
            from: self.from,
            to: self.to,
            limit: self.limit.0,
        }
    }
}

/// Lines of a statement.
#[derive(Serialize, ToSchema)]
pub(crate) struct EntryPage {
    entries: Vec<EntryView>,
    /// What stood in the books when the period began; with `from` or `to`. All lines of the
    /// period, whatever they are filtered by, make `closing` of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    opening: Option<BookBalanceView>,
    /// What stood in the books when the period ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    closing: Option<BookBalanceView>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    next_after: Option<Position>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

/// Lists what moved a tenant's credits.
///
/// Lines stand in the order of recording, and each one's balance goes on from that of the line
/// before it, shown or filtered out. With `from`, `to` or `as_of` only what counts then is in it:
/// it goes from `opening` to `closing`. Without `to` and `as_of`, grants that are dated
/// ahead are in the balances, too.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/entries", tag = "wallet",
    operation_id = "list_entries", params(EntriesQuery),
    responses((status = 200, body = EntryPage, description = "A page of the statement."))
)]
pub(crate) async fn list(
    reader: Reader,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<EntriesQuery>,
) -> Result<Response, Problem> {
    require_period(query.from, query.to)?;
    let at_least = query.at_least;
    let query = query.query();
    let read = move |views: &Views, now| views.entries(&tenant, &query, now);
    let wire = |page: StatementPage, position| EntryPage {
        entries: page.entries.items.into_iter().map(EntryView::from).collect(),
        opening: page.period.map(|period| period.opening.into()),
        closing: page.period.map(|period| period.closing.into()),
        next_after: page.entries.next,
        position,
    };
    reader.answer(at_least, read, wire).await
}
