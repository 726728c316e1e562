//! Which lots does a tenant have, and what became of each?

use quipu_database::{Connection, Value};
use quipu_domain::{Credits, GrantId, Position, TenantId, Timestamp};
use quipu_projections::{
    Balances, Book, BookAmounts, BookHistory, BookKey, Cell, EXPIRED, HELD, Lot, LotKey,
    ProjectionError, Question, REMAINING, Row as _, Until, VOIDED, VOIDS,
};

use super::activity::events_at;
use super::history::trees;
use super::{Answer, AsOf, Page, Scope, not_parked, page, param, with_one_more};
use crate::{Feed, Views, ViewsError, cells, statements};

const OPEN: &str = "SELECT * FROM lot \
    WHERE tenant = $1 AND grant_position > $2 AND is_open = 1 \
    ORDER BY grant_position LIMIT $3";

const ALL: &str = "SELECT * FROM lot \
    WHERE tenant = $1 AND grant_position > $2 \
    ORDER BY grant_position LIMIT $3";

/// Those that may have been there at a moment.
const UNTIL: &str = "SELECT * FROM lot \
    WHERE tenant = $1 AND grant_position > $2 AND grant_position <= $3 AND effective_at <= $4 \
    ORDER BY grant_position LIMIT $5";

/// Which lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LotQuery {
    /// With those that have nothing left and nothing held.
    pub with_ended: bool,
    /// As the books of that moment have them.
    pub at: AsOf,
    /// Go on after this one.
    pub after: Option<GrantId>,
    /// How many at most.
    pub limit: usize,
}

impl Views {
    /// One lot; `None` where the tenant has no such lot.
    pub fn lot(
        &self,
        tenant: &TenantId,
        grant: GrantId,
    ) -> Result<Answer<Option<Lot>>, ViewsError> {
        self.ask(&Balances, Scope::Tenant(tenant), |connection, _| {
            let rows = connection.query(
                "SELECT * FROM lot WHERE tenant = $1 AND grant_position = $2",
                &[tenant.as_str().into(), param(&grant)],
            )?;
            rows.first().map(cells::typed).transpose()
        })
    }

    /// A tenant's lots in the order in which they came in; those that have nothing left and
    /// nothing held only on demand.
    pub fn lots(
        &self,
        tenant: &TenantId,
        query: &LotQuery,
        now: Timestamp,
    ) -> Result<Answer<Page<Lot, GrantId>>, ViewsError> {
        if query.at.is_past() {
            return self.lots_as_of(tenant, query, now);
        }
        self.ask(&Balances, Scope::Tenant(tenant), |connection, _| {
            let sql = if query.with_ended { ALL } else { OPEN };
            let params = [tenant.as_str().into(), query.after_value(), with_one_more(query.limit)];
            let rows = connection.query(sql, &params)?;
            Ok(page(cells::all_typed(&rows)?, query.limit, |lot: &Lot| lot.grant_position))
        })
    }

    /// The terms are those of the rows of now, for they never change; the amounts are the sums of
    /// the moment.
    fn lots_as_of(
        &self,
        tenant: &TenantId,
        query: &LotQuery,
        now: Timestamp,
    ) -> Result<Answer<Page<Lot, GrantId>>, ViewsError> {
        let feed = self.feed();
        self.ask(&BookHistory, Scope::Tenant(tenant), |connection, checkpoint| {
            not_parked(connection, &Balances, tenant.as_str())?;
            let until = query.at.until(now, checkpoint, feed)?;
            let sums = trees::<Book>(connection, tenant).sums(&Question::up_to(&until))?;
            let lots = if query.with_ended {
                query.granted_until(connection, tenant, &until)?
            } else {
                let after = query.after.map_or(Position::ZERO, GrantId::position);
                let open = sums.open_lots().filter(|lot| lot.position() > after);
                let open: Vec<GrantId> = open.take(query.limit.saturating_add(1)).collect();
                named(connection, tenant, &open)?
            };
            let mut page = page(lots, query.limit, |lot: &Lot| lot.grant_position);
            retain_granted(&mut page.items, &until, feed)?;
            for lot in &mut page.items {
                set_amounts(lot, &sums.of(&BookKey::Lot(lot.grant_position)))?;
            }
            Ok(page)
        })
    }
}

impl LotQuery {
    fn after_value(&self) -> Value {
        param(&self.after.map_or(Position::ZERO, GrantId::position))
    }

    fn granted_until(
        &self,
        connection: &mut Connection,
        tenant: &TenantId,
        until: &Until,
    ) -> Result<Vec<Lot>, ViewsError> {
        let params = [
            tenant.as_str().into(),
            self.after_value(),
            param(&until.position),
            until.effective_at.into(),
            with_one_more(self.limit),
        ];
        cells::all_typed(&connection.query(UNTIL, &params)?)
    }
}

/// The rows of these lots, all of which must be there.
fn named(
    connection: &mut Connection,
    tenant: &TenantId,
    lots: &[GrantId],
) -> Result<Vec<Lot>, ViewsError> {
    let key = |lot: &GrantId| LotKey { tenant: tenant.clone(), grant_position: *lot };
    let keys: Vec<Vec<Cell>> = lots.iter().map(|lot| Lot::key_cells(&key(lot))).collect();
    let rows = statements::load(connection, &Lot::SCHEMA, &keys)?;
    let mut found: Vec<Lot> = cells::all_typed(&rows)?;
    found.sort_by_key(|lot| lot.grant_position);
    found.dedup_by_key(|lot| lot.grant_position);
    if found.len() == lots.len() {
        Ok(found)
    } else {
        Err(ProjectionError::MalformedRow { table: Lot::SCHEMA.name }.into())
    }
}

/// Keeps the lots that had come in. The row says when its credits can be spent from and when it
/// was recorded; where the moment lies between the two, the event says which of them counts (M5).
fn retain_granted(lots: &mut Vec<Lot>, until: &Until, feed: &dyn Feed) -> Result<(), ViewsError> {
    let is_later = |at: Timestamp| at.micros() > until.effective_at;
    let is_doubtful = |lot: &&Lot| is_later(lot.granted_at) || is_later(lot.effective_at);
    let doubtful: Vec<Position> =
        lots.iter().filter(is_doubtful).map(|lot| lot.grant_position.position()).collect();
    let late: Vec<Position> = events_at(feed, &doubtful)?
        .iter()
        .filter(|event| is_later(event.effective_at()))
        .map(|event| event.position)
        .collect();
    lots.retain(|lot| !late.contains(&lot.grant_position.position()));
    Ok(())
}

/// Gives a lot the amounts of another moment.
fn set_amounts(lot: &mut Lot, amounts: &BookAmounts) -> Result<(), ViewsError> {
    let credits = |place: usize| {
        let micros = i64::try_from(amounts[place]).ok().map(Credits::from_micros);
        micros.and_then(Result::ok).ok_or(ViewsError::Overflow)
    };
    lot.remaining = credits(REMAINING)?;
    lot.held = credits(HELD)?;
    lot.expired = credits(EXPIRED)?;
    lot.voided = credits(VOIDED)?;
    lot.is_voided = amounts[VOIDS] > 0;
    lot.is_open = !lot.remaining.is_zero() || !lot.held.is_zero();
    Ok(())
}
