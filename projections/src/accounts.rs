//! What is the balance of each account, and do they all sum up to zero?

use quipu_domain::postings;
use quipu_domain::{Recorded, TenantId};

use crate::table::table;
use crate::{Projection, ProjectionError, Rows, movement};

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
        /// The sum of its postings, in micros. Not an amount: a book may turn over more than M3
        /// lets one amount be.
        balance: i64,
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
        1
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
                balance: 0,
            })?;
            let sum = row.balance.checked_add(posting.amount.micros());
            row.balance = sum.ok_or(ProjectionError::Overflow { what: "an account" })?;
        }
        Ok(())
    }
}
