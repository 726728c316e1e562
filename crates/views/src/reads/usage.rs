//! How much was used, per hour, day or month, by which agent, on which meter or model?

use quipu_database::Row;
use quipu_domain::{Label, MeterName, TenantId, Timestamp};
use quipu_projections::{
    Quantity, Question, Usage, UsageAmounts, UsageKey, UsageSums, WindowUnit, turnover,
};

use super::history::trees;
use super::{Answer, AsOf, Page, Scope, param, with_one_more};
use crate::{Views, ViewsError};

/// What a report's rows are about, beside their window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupBy {
    /// Everything together.
    #[default]
    None,
    /// Each agent.
    Agent,
    /// Each model.
    Model,
    /// Each meter.
    Meter,
}

/// Which usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// How long the windows are.
    pub window: WindowUnit,
    /// What the rows are about.
    pub group_by: GroupBy,
    /// Windows that begin from then on.
    pub from: Option<Timestamp>,
    /// Windows that begin before then.
    pub to: Option<Timestamp>,
    /// Only this meter.
    pub meter: Option<MeterName>,
    /// Only this agent.
    pub agent: Option<Label>,
    /// Only this model.
    pub model: Option<Label>,
    /// As the books of that moment have it.
    pub at: AsOf,
    /// Go on after this row.
    pub after: Option<UsageCursor>,
    /// How many rows at most.
    pub limit: usize,
}

/// A row's place in a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageCursor {
    /// Its window.
    pub window_start: Timestamp,
    /// What it is about.
    pub group: Option<String>,
}

/// A row of a usage report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageSum {
    /// The window's first moment.
    pub window_start: Timestamp,
    /// The agent, model or meter; absent where records named none, and in a report about all.
    pub group: Option<String>,
    /// Records, without voided ones.
    pub records: i64,
    /// The sum of what they reported as their quantity.
    pub quantity: Quantity,
    /// Tokens sent and not cached.
    pub input_tokens: i64,
    /// Tokens sent and cached.
    pub cached_input_tokens: i64,
    /// Tokens generated.
    pub output_tokens: i64,
    /// What was charged for them, in micros.
    pub cost_micros: i128,
    /// Records that have no price yet (U3).
    pub unpriced: i64,
    /// Records that were voided (U4).
    pub voided: i64,
}

const REPORT: &str = "SELECT * FROM ( \
    SELECT window_start, \
        CASE CAST($1 AS TEXT) WHEN 'agent' THEN agent WHEN 'model' THEN model \
            WHEN 'meter' THEN meter ELSE '' END AS grouped, \
        CAST(SUM(records) AS BIGINT), \
        CAST(SUM(quantity_units) AS BIGINT), CAST(SUM(quantity_parts) AS BIGINT), \
        CAST(SUM(input_tokens) AS BIGINT), CAST(SUM(cached_input_tokens) AS BIGINT), \
        CAST(SUM(output_tokens) AS BIGINT), \
        CAST(SUM(cost_thousands) AS BIGINT), CAST(SUM(cost_micros) AS BIGINT), \
        CAST(SUM(unpriced) AS BIGINT), CAST(SUM(voided) AS BIGINT) \
    FROM usage_total \
    WHERE tenant = $2 AND window_unit = $3 AND window_start >= $4 AND window_start < $5 \
        AND (meter = $6 OR CAST($6 AS TEXT) IS NULL) \
        AND (agent = $7 OR CAST($7 AS TEXT) IS NULL) \
        AND (model = $8 OR CAST($8 AS TEXT) IS NULL) \
    GROUP BY window_start, grouped) AS report \
    WHERE window_start > $9 OR (window_start = $9 AND grouped > $10) \
    ORDER BY window_start, grouped LIMIT $11";

impl Views {
    /// A tenant's usage by window.
    pub fn usage(
        &self,
        tenant: &TenantId,
        query: &UsageQuery,
        now: Timestamp,
    ) -> Result<Answer<Page<UsageSum, UsageCursor>>, ViewsError> {
        if query.at.is_past() {
            return self.usage_as_of(tenant, query, now);
        }
        self.ask(&Usage, Scope::Tenant(tenant), |connection, _| {
            let (after_start, after_group) = match &query.after {
                Some(cursor) => {
                    (cursor.window_start.micros(), cursor.group.clone().unwrap_or_default())
                }
                None => (i64::MIN, String::new()),
            };
            let params = [
                query.group_by.column().into(),
                tenant.as_str().into(),
                param(&query.window),
                query.from.map_or(i64::MIN, Timestamp::micros).into(),
                query.to.map_or(i64::MAX, Timestamp::micros).into(),
                param(&query.meter),
                param(&query.agent),
                param(&query.model),
                after_start.into(),
                after_group.into(),
                with_one_more(query.limit),
            ];
            let rows = connection.query(REPORT, &params)?;
            let more = rows.len() > query.limit;
            let sums: Result<Vec<UsageSum>, ViewsError> =
                rows.iter().take(query.limit).map(usage_sum).collect();
            let items = sums?;
            let next = items.last().filter(|_| more).map(UsageSum::cursor);
            Ok(Page { items, next })
        })
    }

    fn usage_as_of(
        &self,
        tenant: &TenantId,
        query: &UsageQuery,
        now: Timestamp,
    ) -> Result<Answer<Page<UsageSum, UsageCursor>>, ViewsError> {
        let feed = self.feed();
        self.ask(&Usage, Scope::Tenant(tenant), |connection, checkpoint| {
            let until = query.at.until(now, checkpoint, feed)?;
            let since =
                query.from.map_or(i64::MIN, |from| from.plus_seconds(-AHEAD_SECONDS).micros());
            let sums = trees::<UsageSums>(connection, tenant).sums(&Question { until, since })?;
            let groups = sums.grouped(|key| query.admits(key).then(|| query.cursor_of(key)))?;
            let after = query.after.as_ref();
            let mut rows = groups.iter().filter(|(cursor, _)| after.is_none_or(|at| *cursor > at));
            let first =
                rows.by_ref().take(query.limit).map(|(at, amounts)| of_amounts(at, amounts));
            let items: Vec<UsageSum> = first.collect::<Result<_, _>>()?;
            let next = rows.next().and(items.last()).map(UsageSum::cursor);
            Ok(Page { items, next })
        })
    }
}

/// What counts from when it is recorded, a record or its correction, may be about usage that is dated
/// so far ahead (U1).
const AHEAD_SECONDS: i64 = 300;

impl UsageQuery {
    fn admits(&self, key: &UsageKey) -> bool {
        let start = key.window_start(self.window);
        self.from.is_none_or(|from| start >= from)
            && self.to.is_none_or(|to| start < to)
            && self.meter.as_ref().is_none_or(|meter| key.meter == *meter)
            && self.agent.as_ref().is_none_or(|agent| key.agent.as_ref() == Some(agent))
            && self.model.as_ref().is_none_or(|model| key.model.as_ref() == Some(model))
    }

    fn cursor_of(&self, key: &UsageKey) -> UsageCursor {
        let group = match self.group_by {
            GroupBy::None => None,
            GroupBy::Agent => key.agent.as_ref().map(Label::as_str),
            GroupBy::Model => key.model.as_ref().map(Label::as_str),
            GroupBy::Meter => Some(key.meter.as_str()),
        };
        UsageCursor { window_start: key.window_start(self.window), group: group.map(str::to_owned) }
    }
}

fn of_amounts(at: &UsageCursor, amounts: &UsageAmounts) -> Result<UsageSum, ViewsError> {
    let count = |place: usize| i64::try_from(amounts[place]).map_err(|_| ViewsError::Overflow);
    Ok(UsageSum {
        window_start: at.window_start,
        group: at.group.clone(),
        records: count(UsageSums::RECORDS)?,
        quantity: Quantity::from_columns(
            amounts[UsageSums::QUANTITY_UNITS],
            amounts[UsageSums::QUANTITY_PARTS],
        ),
        input_tokens: count(UsageSums::INPUT_TOKENS)?,
        cached_input_tokens: count(UsageSums::CACHED_INPUT_TOKENS)?,
        output_tokens: count(UsageSums::OUTPUT_TOKENS)?,
        cost_micros: amounts[UsageSums::COST],
        unpriced: count(UsageSums::UNPRICED)?,
        voided: count(UsageSums::VOIDED)?,
    })
}

impl GroupBy {
    const fn column(self) -> &'static str {
        match self {
            GroupBy::None => "",
            GroupBy::Agent => "agent",
            GroupBy::Model => "model",
            GroupBy::Meter => "meter",
        }
    }
}

impl UsageSum {
    fn cursor(&self) -> UsageCursor {
        UsageCursor { window_start: self.window_start, group: self.group.clone() }
    }
}

fn usage_sum(row: &Row) -> Result<UsageSum, ViewsError> {
    let group = row.text(1)?;
    Ok(UsageSum {
        window_start: Timestamp::from_micros(row.int(0)?).map_err(|_| ViewsError::Overflow)?,
        group: if group.is_empty() { None } else { Some(group.to_owned()) },
        records: row.int(2)?,
        quantity: Quantity::from_columns(row.int(3)?, row.int(4)?),
        input_tokens: row.int(5)?,
        cached_input_tokens: row.int(6)?,
        output_tokens: row.int(7)?,
        cost_micros: turnover::of_columns(row.int(8)?, row.int(9)?),
        unpriced: row.int(10)?,
        voided: row.int(11)?,
    })
}
