//! What is the balance of each account, and do they all sum up to zero?

use quipu_domain::TenantId;
use quipu_projections::{Account, Accounts, turnover};

use super::{Answer, Scope, none_parked};
use crate::{Views, ViewsError, cells};

/// The balance of an account over all tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBalance {
    /// Its name: `available`, `consumed/llm_tokens` ...
    pub account: String,
    /// The sum of its postings, in micros; over all tenants it can be larger than any amount.
    pub balance_micros: i128,
}

/// All accounts over all tenants (M4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllAccounts {
    /// Accounts by name.
    pub accounts: Vec<AccountBalance>,
    /// Their sum, in micros. Anything but zero is an error in the books.
    pub sum_micros: i128,
}

impl Views {
    /// A tenant's accounts by name.
    pub fn accounts(&self, tenant: &TenantId) -> Result<Answer<Vec<Account>>, ViewsError> {
        self.ask(&Accounts, Scope::Tenant(tenant), |connection, _| {
            let rows = connection.query(
                "SELECT * FROM account WHERE tenant = $1 ORDER BY account",
                &[tenant.as_str().into()],
            )?;
            cells::all_typed(&rows)
        })
    }

    /// All accounts over all tenants, and whether they sum up to zero.
    pub fn all_accounts(&self) -> Result<Answer<AllAccounts>, ViewsError> {
        self.ask(&Accounts, Scope::All, |connection, _| {
            none_parked(connection, &Accounts)?;
            let rows = connection.query(
                "SELECT account, CAST(SUM(balance_thousands) AS BIGINT), \
                 CAST(SUM(balance_micros) AS BIGINT) FROM account \
                 GROUP BY account ORDER BY account",
                &[],
            )?;
            let accounts: Result<Vec<AccountBalance>, ViewsError> = rows
                .iter()
                .map(|row| {
                    let account = row.text(0)?.to_owned();
                    let balance_micros = turnover::of_columns(row.int(1)?, row.int(2)?);
                    Ok(AccountBalance { account, balance_micros })
                })
                .collect();
            let accounts = accounts?;
            let sum_micros = accounts.iter().map(|each| each.balance_micros).sum();
            Ok(AllAccounts { accounts, sum_micros })
        })
    }
}
