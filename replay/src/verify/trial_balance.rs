//! The postings of every event, and the trial balance: both sum to zero (M4).

use std::collections::HashMap;

use quipu_domain::postings::{self, Account};
use quipu_domain::{Event, Recorded, TenantId};

use crate::report::Finding;

/// What every account holds so far, in micro-units.
#[derive(Default)]
pub(super) struct TrialBalance {
    accounts: HashMap<(TenantId, Account), i128>,
}

impl TrialBalance {
    /// How many accounts there are.
    pub(super) fn accounts(&self) -> u64 {
        self.accounts.len() as u64
    }

    pub(super) fn event(&mut self, recorded: &Recorded) -> Result<(), Finding> {
        let here = |what: String| Err(Finding::at(recorded.position, what));
        let Event::Wallet(event) = &recorded.event else { return Ok(()) };
        let Some(tenant) = &recorded.tenant else {
            return here("it moves credits, but belongs to no tenant".to_owned());
        };
        let mut sum = 0;
        for posting in postings::of(event) {
            let amount = i128::from(posting.amount.micros());
            sum += amount;
            let account = (tenant.clone(), posting.account);
            let balance = self.accounts.entry(account.clone()).or_default();
            *balance += amount;
            let below_zero = matches!(account.1, Account::Available | Account::Held);
            if below_zero && *balance < 0 {
                return here(format!("it takes {}'s account {} below zero", tenant, account.1));
            }
        }
        match sum {
            0 => Ok(()),
            sum => here(format!("its postings sum to {sum} millionths of a credit, not to zero")),
        }
    }
}
