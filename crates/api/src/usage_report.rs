//! `/v1/tenants/{tenant}/usage`: how much was recorded as used, by window and by whom or what.

use axum::response::Response;
use quipu_domain::{Label, MeterName, Position, TenantId, Timestamp};
use quipu_views::{AsOf, GroupBy, Page, UsageCursor, UsageQuery, UsageSum, Views, WindowUnit};
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::parameters::{KnownAtParameter, Limit, PathIds, StrictQuery, require_period};
use crate::problem::Problem;
use crate::reading::Reader;
use crate::wire::credits_of_micros;

/// Which usage.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportQuery {
    /// `hour` (of UTC), or `day` (where absent) or `month` in the tenant's time zone. Where its
    /// offset is no whole number of hours, an hour can lie in two days.
    #[param(inline)]
    window: WindowParameter,
    /// `agent`, `model`, `meter`, or `none` (where absent).
    #[param(inline)]
    group_by: GroupByParameter,
    /// Windows that begin from then on.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// Windows that begin before then.
    #[param(value_type = Option<String>)]
    to: Option<Timestamp>,
    /// Only this meter.
    #[param(value_type = Option<String>)]
    meter: Option<MeterName>,
    /// Only this agent.
    #[param(value_type = Option<String>)]
    agent: Option<Label>,
    /// Only this model.
    #[param(value_type = Option<String>)]
    model: Option<Label>,
    /// The usage at this effective time: what occurred or was corrected later is left out.
    #[param(value_type = Option<String>)]
    as_of: Option<Timestamp>,
    /// The usage as it was known at this time of recording, or at this position.
    #[param(value_type = Option<String>)]
    known_at: Option<KnownAtParameter>,
    /// Go on after this row: the `next_after` of the page before.
    #[param(value_type = Option<String>)]
    after: Option<Cursor>,
    /// At most so many, 1 to 1000; 100 where absent.
    #[param(inline)]
    limit: Limit,
    /// Wait, up to 5 s, until the view has this position: read your own write.
    #[param(value_type = Option<u64>)]
    at_least: Option<Position>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WindowParameter {
    Hour,
    #[default]
    Day,
    Month,
}

impl WindowParameter {
    pub(crate) const fn unit(self) -> WindowUnit {
        match self {
            WindowParameter::Hour => WindowUnit::Hour,
            WindowParameter::Day => WindowUnit::Day,
            WindowParameter::Month => WindowUnit::Month,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum GroupByParameter {
    #[default]
    None,
    Agent,
    Model,
    Meter,
}

/// A row's place: its window, a slash, and what it is about.
#[derive(Debug)]
struct Cursor(UsageCursor);

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Cursor, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.split_once('/').and_then(|(start, group)| {
            let group = (!group.is_empty()).then(|| group.to_owned());
            Some(UsageCursor { window_start: start.parse().ok()?, group })
        });
        parsed.map(Cursor).ok_or_else(|| {
            D::Error::invalid_value(Unexpected::Str(&text), &"the next_after of the page before")
        })
    }
}

impl ReportQuery {
    fn query(self) -> UsageQuery {
        UsageQuery {
            window: self.window.unit(),
            group_by: match self.group_by {
                GroupByParameter::None => GroupBy::None,
                GroupByParameter::Agent => GroupBy::Agent,
                GroupByParameter::Model => GroupBy::Model,
                GroupByParameter::Meter => GroupBy::Meter,
            },
            from: self.from,
            to: self.to,
            meter: self.meter,
            agent: self.agent,
            model: self.model,
            at: AsOf { as_of: self.as_of, known_at: self.known_at.map(|known_at| known_at.0) },
            after: self.after.map(|cursor| cursor.0),
            limit: self.limit.0,
        }
    }
}

/// A row of a usage report.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageRow {
    /// The window's first moment.
    #[schema(value_type = String, format = DateTime)]
    window_start: Timestamp,
    /// The agent, model or meter; absent where records named none, and where nothing is grouped.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// Records, without voided ones.
    records: i64,
    /// The sum of the quantities that were reported.
    quantity: String,
    /// Tokens sent and not cached.
    input_tokens: i64,
    /// Tokens sent and cached.
    cached_input_tokens: i64,
    /// Tokens generated.
    output_tokens: i64,
    /// What was charged, before refunds.
    cost: String,
    /// Records that have no price yet.
    unpriced: i64,
    /// Records that were voided.
    voided: i64,
}

/// Rows of a usage report.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageReport {
    usage: Vec<UsageRow>,
    /// The `after` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<String>,
    /// Up to where the view knows the journal.
    #[schema(value_type = u64)]
    position: Position,
}

impl From<UsageSum> for UsageRow {
    fn from(sum: UsageSum) -> UsageRow {
        UsageRow {
            window_start: sum.window_start,
            group: sum.group,
            records: sum.records,
            quantity: sum.quantity.to_string(),
            input_tokens: sum.input_tokens,
            cached_input_tokens: sum.cached_input_tokens,
            output_tokens: sum.output_tokens,
            cost: credits_of_micros(sum.cost_micros),
            unpriced: sum.unpriced,
            voided: sum.voided,
        }
    }
}

/// Sums a tenant's usage by hour, day or month, and by agent, model or meter.
///
/// It is of usage records, before refunds. Debits and settled holds are charges of their own and
/// not in it: `/v1/trial-balance?group_by=meter` has all that was consumed, before refunds as well,
/// and `quipu export focus` after them.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/usage", tag = "usage",
    operation_id = "report_usage", params(ReportQuery),
    responses((status = 200, body = UsageReport, description = "A page of the report."))
)]
pub(crate) async fn report(
    reader: Reader,
    PathIds(tenant): PathIds<TenantId>,
    StrictQuery(query): StrictQuery<ReportQuery>,
) -> Result<Response, Problem> {
    require_period(query.from, query.to)?;
    let at_least = query.at_least;
    let query = query.query();
    let read = move |views: &Views, now| views.usage(&tenant, &query, now);
    let wire = |page: Page<UsageSum, UsageCursor>, position| UsageReport {
        usage: page.items.into_iter().map(UsageRow::from).collect(),
        next_after: page
            .next
            .map(|cursor| format!("{}/{}", cursor.window_start, cursor.group.unwrap_or_default())),
        position,
    };
    reader.answer(at_least, read, wire).await
}
