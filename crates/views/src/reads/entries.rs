//! What moved a tenant's credits?

use quipu_domain::{Label, MeterName, Position, TenantId, Timestamp};
use quipu_projections::{Activity, Entry};

use super::activity::Range;
use super::{Answer, AsOf, Order, Page, Scope};
use crate::{Views, ViewsError};

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

impl Views {
    /// A tenant's statement.
    pub fn entries(
        &self,
        tenant: &TenantId,
        query: &EntryQuery,
        now: Timestamp,
    ) -> Result<Answer<Page<Entry, Position>>, ViewsError> {
        let feed = self.feed();
        self.ask(&Activity, Scope::Tenant(tenant), |connection, checkpoint| {
            let bounds = query.at.bounds(now, checkpoint, feed)?;
            let before = query.to.map_or(i64::MAX, |time| time.micros() - 1);
            let range = Range {
                earliest: query.from.map_or(i64::MIN, Timestamp::micros),
                latest: bounds.effective_at.min(before),
                ..Range::after(tenant, query.order, query.after, bounds.position)
            };
            range.page(connection, feed, query.limit, |chunk, events| {
                let mut statement = chunk.statement();
                let mut lines = Vec::new();
                for event in events {
                    let line = statement.line(event)?;
                    lines.extend(line.filter(|entry| query.admits(entry, &range)));
                }
                Ok(lines.into_iter().map(|entry| (entry.position, entry)).collect())
            })
        })
    }
}

impl EntryQuery {
    fn admits(&self, entry: &Entry, range: &Range<'_>) -> bool {
        (range.earliest..=range.latest).contains(&entry.effective_at.micros())
            && self.event_type.as_deref().is_none_or(|name| *name == *entry.event_type)
            && self.meter.as_ref().is_none_or(|meter| entry.meter.as_ref() == Some(meter))
            && self.agent.as_ref().is_none_or(|agent| entry.agent.as_ref() == Some(agent))
    }
}
