//! What can a tenant spend, what is held, what does it owe?

use quipu_database::Row;
use quipu_domain::wallet::Balance;
use quipu_domain::{Credits, MeterName, Personal, Position, TenantId, Timestamp};
use quipu_projections::{
    Balance as BookRow, Balances, Book, BookBalance, BookHistory, Question, Until,
};

use super::history::{Trees, trees};
use super::{Answer, AsOf, Scope};
use crate::{Views, ViewsError, cells};

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

/// W3: a lot counts from its first moment to before its last, whether its expiry is written or
/// not. With a meter, only lots that it may burn count: `scope` lists names between commas. M3: a
/// wallet's lots together are no more than an amount, so 64 bits hold these sums.
const SPENDABLE: &str = "SELECT \
    CAST(COALESCE(SUM(CASE WHEN effective_at <= $1 \
        AND (expires_at IS NULL OR expires_at > $1) THEN remaining END), 0) AS BIGINT), \
    CAST(COALESCE(SUM(CASE WHEN effective_at > $1 THEN remaining END), 0) AS BIGINT) \
    FROM lot WHERE tenant = $2 AND is_open = 1 \
    AND (CAST($3 AS TEXT) IS NULL OR scope = '' \
        OR REPLACE(scope, ',' || CAST($3 AS TEXT) || ',', '') <> scope)";

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
        self.ask(&BookHistory, Scope::Tenant(tenant), |connection, checkpoint| {
            let until = at.until(now, checkpoint, feed)?;
            book_balance(&mut trees(connection, tenant), &until)
        })
    }
}

/// What the books of a moment say of a tenant.
pub(super) fn book_balance(
    trees: &mut Trees<'_, Book>,
    until: &Until,
) -> Result<BookBalance, ViewsError> {
    Ok(trees.sums(&Question::up_to(until))?.balance())
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
