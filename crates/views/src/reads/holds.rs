//! Which holds does a tenant have, and what became of each?

use std::collections::BTreeMap;

use quipu_database::Connection;
use quipu_domain::{HoldId, Position, Recorded, TenantId, Timestamp};
use quipu_projections::{
    Book, BookHistory, Cell, Hold, HoldKey, HoldStatus, Holds, Question, Row as _, Until,
};

use super::activity::events_at;
use super::history::trees;
use super::{Answer, AsOf, Page, Scope, not_parked, page, param, with_one_more};
use crate::{Feed, Views, ViewsError, cells, statements};

const OPEN: &str = "SELECT * FROM hold \
    WHERE tenant = $1 AND hold_position > $2 AND status = 'open' \
    ORDER BY hold_position LIMIT $3";

const BY_STATUS: &str = "SELECT * FROM hold \
    WHERE tenant = $1 AND hold_position > $2 AND (status = $3 OR CAST($3 AS TEXT) IS NULL) \
    ORDER BY hold_position LIMIT $4";

const UNTIL: &str = "SELECT * FROM hold \
    WHERE tenant = $1 AND hold_position > $2 AND hold_position <= $3 \
    ORDER BY hold_position LIMIT $4";

/// Most holds that one request about the past looks at. Where few of them fit, the page is short,
/// or empty, and its cursor tells where to go on.
const MOST_SCANNED_HOLDS: usize = 2_048;

/// Which holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldQuery {
    /// Only those in this state.
    pub status: Option<HoldStatus>,
    /// As the books of that moment have them.
    pub at: AsOf,
    /// Go on after this one.
    pub after: Option<HoldId>,
    /// How many at most.
    pub limit: usize,
}

impl Views {
    /// A tenant's holds in the order in which they were placed: those with a status, or all.
    pub fn holds(
        &self,
        tenant: &TenantId,
        query: &HoldQuery,
        now: Timestamp,
    ) -> Result<Answer<Page<Hold, HoldId>>, ViewsError> {
        if query.at.is_past() {
            return self.holds_as_of(tenant, query, now);
        }
        self.ask(&Holds, Scope::Tenant(tenant), |connection, _| {
            let after = param(&query.after_position());
            let limit_value = with_one_more(query.limit);
            let rows = if query.status == Some(HoldStatus::Open) {
                connection.query(OPEN, &[tenant.as_str().into(), after, limit_value])?
            } else {
                let params = [tenant.as_str().into(), after, param(&query.status), limit_value];
                connection.query(BY_STATUS, &params)?
            };
            Ok(page(cells::all_typed(&rows)?, query.limit, |hold: &Hold| hold.hold_position))
        })
    }

    fn holds_as_of(
        &self,
        tenant: &TenantId,
        query: &HoldQuery,
        now: Timestamp,
    ) -> Result<Answer<Page<Hold, HoldId>>, ViewsError> {
        let feed = self.feed();
        self.ask(&BookHistory, Scope::Tenant(tenant), |connection, checkpoint| {
            not_parked(connection, &Holds, tenant.as_str())?;
            let until = query.at.until(now, checkpoint, feed)?;
            if query.status == Some(HoldStatus::Open) {
                query.open_at(connection, feed, tenant, &until)
            } else {
                query.any_at(connection, feed, tenant, &until)
            }
        })
    }

    /// One hold; `None` where the tenant has no such hold.
    pub fn hold(
        &self,
        tenant: &TenantId,
        hold: HoldId,
    ) -> Result<Answer<Option<Hold>>, ViewsError> {
        self.ask(&Holds, Scope::Tenant(tenant), |connection, _| {
            let rows = connection.query(
                "SELECT * FROM hold WHERE tenant = $1 AND hold_position = $2",
                &[tenant.as_str().into(), param(&hold)],
            )?;
            rows.first().map(cells::typed).transpose()
        })
    }
}

impl HoldQuery {
    fn after_position(&self) -> Position {
        self.after.map_or(Position::ZERO, HoldId::position)
    }

    /// Holds that reserved something at a moment.
    fn open_at(
        &self,
        connection: &mut Connection,
        feed: &dyn Feed,
        tenant: &TenantId,
        until: &Until,
    ) -> Result<Page<Hold, HoldId>, ViewsError> {
        let sums = trees::<Book>(connection, tenant).sums(&Question::up_to(until))?;
        let open = sums.open_holds().filter(|hold| hold.position() > self.after_position());
        let open = open.take(self.limit.saturating_add(1));
        let key = |hold| HoldKey { tenant: tenant.clone(), hold_position: hold };
        let keys: Vec<Vec<Cell>> = open.map(|hold| Hold::key_cells(&key(hold))).collect();
        let rows = statements::load(connection, &Hold::SCHEMA, &keys)?;
        let mut holds: Vec<Hold> = cells::all_typed(&rows)?;
        holds.sort_by_key(|hold| hold.hold_position);
        holds.dedup_by_key(|hold| hold.hold_position);
        let mut page = page(holds, self.limit, |hold: &Hold| hold.hold_position);
        page.items = as_of(page.items, until, feed)?;
        Ok(page)
    }

    /// Holds in any state, or in one that they had at a moment.
    fn any_at(
        &self,
        connection: &mut Connection,
        feed: &dyn Feed,
        tenant: &TenantId,
        until: &Until,
    ) -> Result<Page<Hold, HoldId>, ViewsError> {
        let mut found = Page { items: Vec::new(), next: None };
        let mut after = self.after_position();
        let mut scanned = 0;
        loop {
            let params = [
                tenant.as_str().into(),
                param(&after),
                param(&until.position),
                with_one_more(self.limit),
            ];
            let rows = cells::all_typed(&connection.query(UNTIL, &params)?)?;
            let rows = page(rows, self.limit, |hold: &Hold| hold.hold_position);
            scanned += rows.items.len();
            for hold in as_of(rows.items, until, feed)? {
                if self.status.is_some_and(|status| hold.status != status) {
                    continue;
                }
                if found.items.len() == self.limit {
                    found.next = found.items.last().map(|last: &Hold| last.hold_position);
                    return Ok(found);
                }
                found.items.push(hold);
            }
            let Some(last) = rows.next else { return Ok(found) };
            if scanned >= MOST_SCANNED_HOLDS {
                found.next = Some(last);
                return Ok(found);
            }
            after = last.position();
        }
    }
}

/// The holds as they were at a moment. One whose events are all within the bounds is as its row
/// says; of the others, the events that are within them are folded.
fn as_of(holds: Vec<Hold>, until: &Until, feed: &dyn Feed) -> Result<Vec<Hold>, ViewsError> {
    let is_settled = |hold: &Hold| {
        hold.last_position <= until.position
            && hold.latest_effective_at.micros() <= until.effective_at
    };
    let changed = holds.iter().filter(|hold| !is_settled(hold));
    let mut positions: Vec<Position> = changed.flat_map(Hold::positions).collect();
    positions.retain(|position| *position <= until.position);
    positions.sort_unstable();
    let events: BTreeMap<Position, Recorded> = events_at(feed, &positions)?
        .into_iter()
        .filter(|event| event.effective_at().micros() <= until.effective_at)
        .map(|event| (event.position, event))
        .collect();
    let mut found = Vec::with_capacity(holds.len());
    for hold in holds {
        if is_settled(&hold) {
            found.push(hold);
        } else {
            let events = hold.positions().filter_map(|position| events.get(&position));
            found.extend(Hold::of_events(events)?);
        }
    }
    Ok(found)
}
