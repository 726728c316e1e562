//! What moved a tenant's credits?

use quipu_domain::{Label, MeterName, Position, TenantId, Timestamp};
use quipu_projections::{Entries, Entry};

use super::{Answer, AsOf, Order, Page, Scope, int, page, param, with_one_more};
use crate::{Views, ViewsError, cells};

/// Which lines of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryQuery {
    /// In which order.
    pub order: Order,
    /// Go on after this line, in that order.
    pub after: Option<Position>,
    /// Only what is in the books of that moment.
    pub at: AsOf,
    /// Only this type of event.
    pub event_type: Option<String>,
    /// Only this meter.
    pub meter: Option<MeterName>,
    /// Only this agent.
    pub agent: Option<Label>,
    /// Effective from then on.
    pub from: Option<Timestamp>,
    /// Effective before then.
    pub to: Option<Timestamp>,
    /// How many at most.
    pub limit: usize,
}

macro_rules! entries_ordered {
    ($direction:literal) => {
        concat!(
            "SELECT * FROM entry \
             WHERE tenant = $1 AND position > $2 AND position <= $3 \
             AND effective_at >= $4 AND effective_at <= $5 AND recorded_at <= $6 \
             AND (event_type = $7 OR CAST($7 AS TEXT) IS NULL) \
             AND (meter = $8 OR CAST($8 AS TEXT) IS NULL) \
             AND (agent = $9 OR CAST($9 AS TEXT) IS NULL) \
             ORDER BY position ",
            $direction,
            " LIMIT $10"
        )
    };
}

impl Views {
    /// A tenant's statement.
    pub fn entries(
        &self,
        tenant: &TenantId,
        query: &EntryQuery,
        now: Timestamp,
    ) -> Result<Answer<Page<Entry, Position>>, ViewsError> {
        self.ask(&Entries, Scope::Tenant(tenant), |connection, checkpoint| {
            let bounds = query.at.bounds(now, checkpoint)?;
            let after = query.after.as_ref().map(int);
            let (sql, above, upto) = match query.order {
                Order::OldestFirst => {
                    (entries_ordered!("ASC"), after.unwrap_or(0), bounds.position)
                }
                Order::NewestFirst => {
                    let before = after.map_or(i64::MAX, |position| position - 1);
                    (entries_ordered!("DESC"), 0, bounds.position.min(before))
                }
            };
            let before = query.to.map_or(i64::MAX, |time| time.micros() - 1);
            let params = [
                tenant.as_str().into(),
                above.into(),
                upto.into(),
                query.from.map_or(i64::MIN, Timestamp::micros).into(),
                bounds.effective_at.min(before).into(),
                bounds.recorded_at.into(),
                query.event_type.clone().into(),
                param(&query.meter),
                param(&query.agent),
                with_one_more(query.limit),
            ];
            let rows = connection.query(sql, &params)?;
            Ok(page(cells::all_typed(&rows)?, query.limit, |entry: &Entry| entry.position))
        })
    }
}
