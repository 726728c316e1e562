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

#[cfg(test)]
mod tests {
    use quipu_domain::wallet::WalletEvent;
    use quipu_domain::wallet::event::{Attribution, CreditsDebited, Draw, Draws, HoldReleased};
    use quipu_domain::{Credits, EntryId, GrantId, HoldId, Metadata, Position, Stream, Version};

    use super::*;

    fn found(event: WalletEvent) -> String {
        let tenant: TenantId = "t_acme".parse().unwrap();
        let recorded = Recorded {
            position: Position(4),
            stream: Stream::wallet(&tenant),
            version: Version(3),
            id: uuid::Uuid::from_u128(4),
            recorded_at: "2026-11-20T12:00:00Z".parse().unwrap(),
            effective_at: None,
            tenant: Some(tenant),
            metadata: Metadata::by("local".parse().unwrap()),
            event: Event::Wallet(event),
        };
        TrialBalance::default().event(&recorded).unwrap_err().what
    }

    #[test]
    fn m4_nothing_is_taken_from_where_nothing_is() {
        let amount: Credits = "5".parse().unwrap();
        let lots = vec![Draw { grant: GrantId(Position(2)), amount }];
        let what = found(WalletEvent::HoldReleased(HoldReleased {
            hold: HoldId(Position(3)),
            amount,
            returned: Draws { lots, overdraft: Credits::ZERO },
            reason: None,
        }));
        assert_eq!(what, "it takes t_acme's account held below zero");
    }

    #[test]
    fn m4_postings_sum_to_zero() {
        let what = found(WalletEvent::CreditsDebited(CreditsDebited {
            entry: EntryId(Position(4)),
            amount: "1".parse().unwrap(),
            draws: Draws { lots: Vec::new(), overdraft: "2".parse().unwrap() },
            meter: None,
            attribution: Attribution::default(),
            reason: None,
        }));
        assert_eq!(what, "its postings sum to -1000000 millionths of a credit, not to zero");
    }
}
