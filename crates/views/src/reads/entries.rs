//! What moved a tenant's credits?

use quipu_domain::{Label, MeterName, Position, Recorded, TenantId, Timestamp};
use quipu_projections::{
    Activity, Book, BookBalance, BookHistory, Entry, Question, Statement, Until,
};

use super::activity::Range;
use super::balance::book_balance;
use super::history::{Trees, trees};
use super::trial_balance::before;
use super::{Answer, AsOf, Order, Page, Scope, not_parked};
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

/// Some lines of a statement, and what stood before and after all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementPage {
    /// The lines.
    pub entries: Page<Entry, Position>,
    /// The balances of the period that was asked for; absent where none was.
    pub period: Option<PeriodBalance>,
}

/// What a tenant's accounts held when a period began and when it ended. All lines of the period,
/// whatever they are filtered by, make one of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeriodBalance {
    /// Before the first movement of the period.
    pub opening: BookBalance,
    /// After the last.
    pub closing: BookBalance,
}

impl Views {
    /// A tenant's statement.
    pub fn entries(
        &self,
        tenant: &TenantId,
        query: &EntryQuery,
        now: Timestamp,
    ) -> Result<Answer<StatementPage>, ViewsError> {
        let feed = self.feed();
        self.ask(&Activity, Scope::Tenant(tenant), |connection, checkpoint| {
            let until = query.at.until(now, checkpoint, feed)?;
            let end = query.to.map_or(until, |to| before(to, &until));
            let earliest = query.from.map_or(i64::MIN, Timestamp::micros);
            let latest = end.effective_at;
            let mut range = Range {
                earliest,
                latest,
                ..Range::after(tenant, query.order, query.after, until.position)
            };
            let (mut period, mut running) = (None, None);
            if (earliest, latest) != (i64::MIN, i64::MAX) {
                not_parked(connection, &BookHistory, tenant.as_str())?;
                let mut trees = trees(connection, tenant);
                let ends = trees.ends(&Question { until: end, since: earliest })?;
                range.narrow(ends.unwrap_or((Position(1), Position::ZERO)));
                let mut period_as_known_at = |position| {
                    let (until, end) = (Until { position, ..until }, Until { position, ..end });
                    period_balance(&mut trees, query.from, &until, &end)
                };
                let before_page = period_as_known_at(range.before_first_line())?;
                let mut balance = before_page.closing.minus(before_page.opening);
                if query.from.is_some() || query.to.is_some() {
                    let whole = period_as_known_at(until.position)?;
                    balance = balance.plus(whole.opening);
                    period = Some(whole);
                }
                running = Some(Running { range, balance });
            }
            let entries = range.page(connection, feed, query.limit, |chunk, events| {
                let mut lines = match &mut running {
                    Some(running) => running.lines(events)?,
                    None => lines(&mut chunk.statement(), events)?,
                };
                lines.retain(|entry| query.admits(entry));
                Ok(lines.into_iter().map(|entry| (entry.position, entry)).collect())
            })?;
            Ok(StatementPage { entries, period })
        })
    }
}

fn period_balance(
    trees: &mut Trees<'_, Book>,
    from: Option<Timestamp>,
    until: &Until,
    end: &Until,
) -> Result<PeriodBalance, ViewsError> {
    let opening = from.map(|from| book_balance(trees, &before(from, until))).transpose()?;
    let closing = book_balance(trees, end)?;
    Ok(PeriodBalance { opening: opening.unwrap_or_default(), closing })
}

fn lines<'a>(
    statement: &mut Statement,
    events: impl IntoIterator<Item = &'a Recorded>,
) -> Result<Vec<Entry>, ViewsError> {
    let lines = events.into_iter().filter_map(|event| statement.line(event).transpose());
    Ok(lines.collect::<Result<_, _>>()?)
}

/// The balance that goes on from line to line where only some events count (M5): from the opening
/// on, in the order in which they were recorded; what else was recorded between them is left out.
struct Running<'a> {
    range: Range<'a>,
    /// Where the next lines begin: before them, or after them where the newest come first.
    balance: BookBalance,
}

impl Running<'_> {
    /// The lines of a chunk's events, oldest first.
    fn lines(&mut self, events: &[Recorded]) -> Result<Vec<Entry>, ViewsError> {
        let mut moved = Statement::default();
        let counting = events.iter().filter(|event| self.range.counts(event));
        let mut lines = lines(&mut moved, counting)?;
        let before = match self.range.order {
            Order::OldestFirst => self.balance,
            Order::NewestFirst => self.balance.minus(moved.balance()),
        };
        for line in &mut lines {
            line.after = line.after.plus(before);
        }
        self.balance = match self.range.order {
            Order::OldestFirst => before.plus(moved.balance()),
            Order::NewestFirst => before,
        };
        Ok(lines)
    }
}

impl EntryQuery {
    fn admits(&self, entry: &Entry) -> bool {
        self.event_type.as_deref().is_none_or(|name| *name == *entry.event_type)
            && self.meter.as_ref().is_none_or(|meter| entry.meter.as_ref() == Some(meter))
            && self.agent.as_ref().is_none_or(|agent| entry.agent.as_ref() == Some(agent))
    }
}
