//! What is the balance of each account, and do they all sum up to zero?

use quipu_domain::postings;
use quipu_domain::{Recorded, TenantId};

use crate::table::table;
use crate::{Projection, ProjectionError, Rows, movement, turnover};

table! {
    /// One account of a tenant's book (M4).
    Account in "account"
    key AccountKey {
        /// Whose.
        tenant: TenantId,
        /// Which.
        account: postings::Account,
    }
    columns {
        /// The sum of its postings (see [`turnover`]): micros below a thousand credits.
        balance_micros: i64,
        /// And thousands of credits.
        balance_thousands: i64,
    }
}

impl Account {
    /// The sum of its postings, in micros. Not an amount: a book may turn over more than M3 lets
    /// one amount be.
    #[must_use]
    pub fn balance_micros(&self) -> i128 {
        turnover::of_columns(self.balance_thousands, self.balance_micros)
    }
}

/// What is the balance of each account, and do they all sum up to zero?
#[derive(Clone, Copy, Debug)]
pub struct Accounts;

impl Projection for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    fn version(&self) -> u32 {
        2
    }

    fn question(&self) -> &'static str {
        "What is the balance of each account, and do they all sum up to zero?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<Account>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        let Ok(Some((tenant, wallet))) = movement::wallet_event(event) else { return };
        for posting in movement::postings_of(wallet).unwrap_or_default() {
            let account = posting.account;
            rows.want::<Account>(AccountKey { tenant: tenant.clone(), account });
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Some((tenant, wallet)) = movement::wallet_event(event)? else { return Ok(()) };
        for posting in movement::postings_of(wallet)? {
            let key = AccountKey { tenant: tenant.clone(), account: posting.account };
            let row = rows.edit_or::<Account>(&key, || Account {
                tenant: key.tenant.clone(),
                account: key.account.clone(),
                balance_micros: 0,
                balance_thousands: 0,
            })?;
            let sum = row.balance_micros() + i128::from(posting.amount.micros());
            (row.balance_thousands, row.balance_micros) = turnover::columns(sum, "an account")?;
        }
        Ok(())
    }
}
