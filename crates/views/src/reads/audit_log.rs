//! Who did what, when and why?

use quipu_domain::{Label, Position, Recorded, TenantId, Timestamp};
use quipu_projections::{Activity, AuditLine};

use super::activity::{Lines, Range, between};
use super::{Answer, Order, Page, Scope};
use crate::{Feed, Views, ViewsError};

/// Which lines of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// In which order.
    pub order: Order,
    /// Go on after this line, in that order.
    pub after: Option<Position>,
    /// Only this tenant.
    pub tenant: Option<TenantId>,
    /// Only this type of event.
    pub event_type: Option<String>,
    /// Only this actor.
    pub actor: Option<Label>,
    /// Recorded from then on.
    pub from: Option<Timestamp>,
    /// Recorded before then.
    pub to: Option<Timestamp>,
    /// How many at most.
    pub limit: usize,
}

/// Most events that one request looks at, over all tenants.
const MOST_SCANNED_EVENTS: u64 = 8_192;
/// Events that are read at once.
const STEP: u64 = 512;

impl Views {
    /// The audit log: all events, or a tenant's.
    pub fn audit_log(
        &self,
        query: &AuditQuery,
    ) -> Result<Answer<Page<AuditLine, Position>>, ViewsError> {
        let feed = self.feed();
        let scope = query.tenant.as_ref().map_or(Scope::All, Scope::Tenant);
        self.ask(&Activity, scope, |connection, checkpoint| {
            let just_before = |time: Timestamp| Timestamp::from_micros(time.micros() - 1);
            let known_before = |time: Timestamp| -> Result<Position, ViewsError> {
                let Ok(moment) = just_before(time) else { return Ok(Position::ZERO) };
                Ok(feed.last_recorded_by(moment)?.min(checkpoint))
            };
            let last = query.to.map_or(Ok(checkpoint), known_before)?;
            let first = query.from.map_or(Ok(Position::ZERO), known_before)?.plus(1);
            match &query.tenant {
                Some(tenant) => {
                    let range = Range::after(tenant, query.order, query.after, last);
                    let range = Range { first: range.first.max(first), ..range };
                    range.page(connection, feed, query.limit, |_, events| Ok(query.lines(events)))
                }
                None => {
                    let (from, last) = between(query.order, query.after, last);
                    query.journal_page(feed, from.max(first), last)
                }
            }
        })
    }
}

impl AuditQuery {
    /// A page of everybody's lines: the journal's own pages.
    fn journal_page(
        &self,
        feed: &dyn Feed,
        mut first: Position,
        mut last: Position,
    ) -> Result<Page<AuditLine, Position>, ViewsError> {
        let mut page = Lines { limit: self.limit, items: Vec::new(), cursor: None };
        let mut scanned = 0;
        while first <= last {
            let count = STEP.min(last.0 - first.0 + 1);
            let before = match self.order {
                Order::OldestFirst => first.0 - 1,
                Order::NewestFirst => last.0 - count,
            };
            let events =
                feed.read(Position(before), usize::try_from(count).unwrap_or(usize::MAX))?;
            let mut lines = self.lines(&events);
            if self.order == Order::NewestFirst {
                lines.reverse();
            }
            for (position, line) in lines {
                if !page.push(position, line) {
                    let cursor = page.cursor;
                    return Ok(page.end(cursor));
                }
            }
            let reached = match self.order {
                Order::OldestFirst => {
                    first = first.plus(count);
                    Position(before + count)
                }
                Order::NewestFirst => {
                    last = Position(before);
                    last.plus(1)
                }
            };
            scanned += count;
            if scanned >= MOST_SCANNED_EVENTS && first <= last {
                return Ok(page.end(Some(reached)));
            }
        }
        Ok(page.end(None))
    }

    /// The lines of those events that fit.
    fn lines(&self, events: &[Recorded]) -> Vec<(Position, AuditLine)> {
        let fitting = events.iter().filter(|event| {
            self.event_type.as_deref().is_none_or(|name| name == event.event.type_name())
                && self.actor.as_ref().is_none_or(|actor| event.metadata.actor == *actor)
        });
        fitting.map(|event| (event.position, AuditLine::of(event))).collect()
    }
}
