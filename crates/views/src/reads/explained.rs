//! What explanations need to know beside what everybody asks: at which position a moment is, how
//! many events there are, and whose an account's balance is.

use quipu_domain::postings::Account;
use quipu_domain::{Position, TenantId, Timestamp};
use quipu_projections::{Accounts, Activity, ActivityChunk, BookHistory, turnover};

use super::{Answer, AsOf, KnownAt, Scope, none_parked, param, with_one_more};
use crate::{Views, ViewsError, cells};

/// Chunks that end there or before, and the one that goes further.
const WHOLE: &str = "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT) FROM activity \
    WHERE tenant = $1 AND last_position <= $2";
const STRADDLING: &str = "SELECT * FROM activity \
    WHERE tenant = $1 AND first_position <= $2 AND last_position > $2";

const HOLDERS: &str = "SELECT tenant, balance_thousands, balance_micros FROM account \
    WHERE account = $1 \
    ORDER BY ABS(balance_thousands) DESC, ABS(balance_micros) DESC, tenant LIMIT $2";
const TOTAL: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(balance_thousands), 0) AS BIGINT), \
    CAST(COALESCE(SUM(balance_micros), 0) AS BIGINT) FROM account WHERE account = $1";

/// An account of all tenants, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountHolders {
    /// What it comes to, in micros.
    pub total_micros: i128,
    /// How many tenants have such an account.
    pub tenants: u64,
    /// Those with the largest balances, in micros, largest first.
    pub largest: Vec<(TenantId, i128)>,
}

impl Views {
    /// The same moment by a position: whatever is recorded meanwhile, several answers are about the
    /// same events.
    pub fn pinned(&self, tenant: &TenantId, at: AsOf, now: Timestamp) -> Result<AsOf, ViewsError> {
        let feed = self.feed();
        let until = self.ask(&BookHistory, Scope::Tenant(tenant), |_, checkpoint| {
            at.until(now, checkpoint, feed)
        })?;
        Ok(AsOf { known_at: Some(KnownAt::Position(until.value.position)), ..at })
    }

    /// How many events a tenant has up to a position.
    pub fn events_until(
        &self,
        tenant: &TenantId,
        until: Position,
    ) -> Result<Answer<u64>, ViewsError> {
        self.ask(&Activity, Scope::Tenant(tenant), |connection, _| {
            let params = [tenant.as_str().into(), param(&until)];
            let whole = connection.query(WHOLE, &params)?;
            let whole = whole.first().map_or(Ok(0), |row| row.int(0))?;
            let straddling = connection.query(STRADDLING, &params)?;
            let chunks = cells::all_typed::<ActivityChunk>(&straddling)?;
            let positions = chunks.iter().flat_map(ActivityChunk::positions);
            let more = positions.filter(|position| *position <= until).count();
            Ok(u64::try_from(whole).unwrap_or_default() + more as u64)
        })
    }

    /// An account over all tenants, and the tenants with most of it.
    pub fn account_holders(
        &self,
        account: &Account,
        most: usize,
    ) -> Result<Answer<AccountHolders>, ViewsError> {
        self.ask(&Accounts, Scope::All, |connection, _| {
            none_parked(connection, &Accounts)?;
            let total = connection.query(TOTAL, &[param(account)])?;
            let total = total.first().ok_or(ViewsError::Overflow)?;
            let rows = connection.query(HOLDERS, &[param(account), with_one_more(most)])?;
            let holder = |row: &quipu_database::Row| -> Result<(TenantId, i128), ViewsError> {
                let malformed =
                    quipu_projections::ProjectionError::MalformedRow { table: "account" };
                let balance = turnover::of_columns(row.int(1)?, row.int(2)?);
                Ok((row.text(0)?.parse().map_err(|_| malformed)?, balance))
            };
            Ok(AccountHolders {
                total_micros: turnover::of_columns(total.int(1)?, total.int(2)?),
                tenants: u64::try_from(total.int(0)?).unwrap_or_default(),
                largest: rows.iter().take(most).map(holder).collect::<Result<_, _>>()?,
            })
        })
    }
}
