//! What can a tenant spend, what is held, what does it owe?

use quipu_database::Row;
use quipu_domain::wallet::Balance;
use quipu_domain::{Credits, MeterName, Personal, Position, TenantId, Timestamp};
use quipu_projections::{Activity, ActivityChunk, Balance as BookRow, Balances};

use super::activity::events_at;
use super::{Answer, AsOf, Bounds, Scope, param};
use crate::{Feed, Views, ViewsError, cells};

/// A wallet in numbers, at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletBalance {
    /// The numbers.
    pub balance: Balance,
    /// Why the wallet is frozen, while it is (W13).
    pub frozen_reason: Option<Personal>,
    /// The wallet's last event; 0 where it has none.
    pub last_event: Position,
}

/// The sums of a wallet's three accounts in the books of a moment (M4, M5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookBalance {
    /// In lots and not held.
    pub available: Credits,
    /// Reserved by holds.
    pub held: Credits,
    /// What is owed: zero or above.
    pub overdraft: Credits,
}

/// W3: a lot counts from its first moment to before its last, whether its expiry is written or
/// not. With a meter, only lots that it may burn count: `scope` lists names between commas.
const SPENDABLE: &str = "SELECT \
    CAST(COALESCE(SUM(CASE WHEN effective_at <= $1 \
        AND (expires_at IS NULL OR expires_at > $1) THEN remaining END), 0) AS BIGINT), \
    CAST(COALESCE(SUM(CASE WHEN effective_at > $1 THEN remaining END), 0) AS BIGINT) \
    FROM lot WHERE tenant = $2 AND is_open = 1 \
    AND (CAST($3 AS TEXT) IS NULL OR scope = '' \
        OR REPLACE(scope, ',' || CAST($3 AS TEXT) || ',', '') <> scope)";

/// What whole chunks added until a position and a moment (M5).
pub(super) const WHOLE: &str = "SELECT \
    CAST(COALESCE(SUM(available_after - available_before), 0) AS BIGINT), \
    CAST(COALESCE(SUM(held_after - held_before), 0) AS BIGINT), \
    CAST(COALESCE(SUM(overdraft_after - overdraft_before), 0) AS BIGINT) \
    FROM activity WHERE tenant = $1 \
    AND until <= (SELECT MIN(until) FROM activity WHERE tenant = $1 AND until >= $2) \
    AND last_position <= $2 AND latest_effective_at <= $3";

/// Chunks of which some events stand or count until then, and some do not: one or two, where
/// events count in the order in which they stand.
pub(super) const STRADDLING: &str = "SELECT * FROM activity WHERE tenant = $1 \
    AND until <= (SELECT MIN(until) FROM activity WHERE tenant = $1 AND until >= $2) \
    AND first_position <= $2 AND earliest_effective_at <= $3 \
    AND (last_position > $2 OR latest_effective_at > $3) \
    ORDER BY until";

impl Views {
    /// What a tenant's wallet has now: of lots of any scope, or of those that a meter may burn.
    pub fn balance(
        &self,
        tenant: &TenantId,
        meter: Option<&MeterName>,
        now: Timestamp,
    ) -> Result<Answer<WalletBalance>, ViewsError> {
        self.ask(&Balances, Scope::Tenant(tenant), |connection, _| {
            let rows = connection
                .query("SELECT * FROM balance WHERE tenant = $1", &[tenant.as_str().into()])?;
            let book = rows.first().map(cells::typed::<BookRow>).transpose()?;
            let meter = meter.map(MeterName::as_str);
            let params = [now.micros().into(), tenant.as_str().into(), meter.into()];
            let sums = connection.query(SPENDABLE, &params)?;
            let sum = sums.first().ok_or(ViewsError::Overflow)?;
            let (available, pending) = (credits(sum, 0)?, credits(sum, 1)?);
            Ok(wallet_balance(book, available, pending))
        })
    }

    /// What a tenant's books said at a moment: zero before its first event.
    pub fn balance_as_of(
        &self,
        tenant: &TenantId,
        at: AsOf,
        now: Timestamp,
    ) -> Result<Answer<BookBalance>, ViewsError> {
        let feed = self.feed();
        self.ask(&Activity, Scope::Tenant(tenant), |connection, checkpoint| {
            let bounds = at.bounds(now, checkpoint, feed)?;
            let params =
                [tenant.as_str().into(), param(&bounds.position), bounds.effective_at.into()];
            let whole = connection.query(WHOLE, &params)?;
            let whole = whole.first().ok_or(ViewsError::Overflow)?;
            let mut sums = [credits(whole, 0)?, credits(whole, 1)?, credits(whole, 2)?];
            let straddling = connection.query(STRADDLING, &params)?;
            for chunk in cells::all_typed::<ActivityChunk>(&straddling)? {
                add_entries(&chunk, &bounds, feed, &mut sums)?;
            }
            let [available, held, overdraft] = sums;
            Ok(BookBalance { available, held, overdraft: overdraft.negated() })
        })
    }
}

/// Adds what a chunk's events added to the three accounts, those within the bounds.
fn add_entries(
    chunk: &ActivityChunk,
    bounds: &Bounds,
    feed: &dyn Feed,
    sums: &mut [Credits; 3],
) -> Result<(), ViewsError> {
    let positions: Vec<Position> =
        chunk.positions().take_while(|position| *position <= bounds.position).collect();
    let mut statement = chunk.statement();
    for event in events_at(feed, &positions)? {
        let Some(entry) = statement.line(&event)? else { continue };
        if entry.effective_at.micros() <= bounds.effective_at {
            let deltas = [entry.available_delta, entry.held_delta, entry.overdraft_delta];
            for (sum, delta) in sums.iter_mut().zip(deltas) {
                *sum = sum.plus(delta).map_err(|_| ViewsError::Overflow)?;
            }
        }
    }
    Ok(())
}

fn wallet_balance(book: Option<BookRow>, available: Credits, pending: Credits) -> WalletBalance {
    let mut balance = Balance { available, pending, ..Balance::default() };
    let Some(book) = book else {
        return WalletBalance { balance, frozen_reason: None, last_event: Position::ZERO };
    };
    balance.held = book.held;
    balance.overdraft = book.overdraft.negated();
    balance.overdraft_limit = book.overdraft_limit;
    balance.frozen = book.frozen;
    WalletBalance { balance, frozen_reason: book.frozen_reason, last_event: book.position }
}

fn credits(row: &Row, column: usize) -> Result<Credits, ViewsError> {
    Credits::from_micros(row.int(column)?).map_err(|_| ViewsError::Overflow)
}
