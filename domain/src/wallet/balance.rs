//! What a wallet has, in the numbers that people read (W3).

use serde::{Deserialize, Serialize};

use super::Wallet;
use crate::{Credits, MeterName, Timestamp};

/// A wallet in numbers, at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// What lots of any scope can pay now: effective, unexpired, not held. Overdraft not counted.
    pub available: Credits,
    /// What open holds have reserved, of lots and of overdraft.
    pub held: Credits,
    /// What is owed, what holds reserved of it included.
    pub overdraft: Credits,
    /// How far debits and holds may go below zero.
    pub overdraft_limit: Credits,
    /// Granted and not yet effective.
    pub pending: Credits,
    /// Whether the wallet is frozen (W13).
    pub frozen: bool,
}

impl Wallet {
    /// The wallet in numbers.
    #[must_use]
    pub fn balance(&self, now: Timestamp) -> Balance {
        let mut balance = Balance {
            held: self.funds.held(),
            overdraft: self.funds.overdraft.owed,
            overdraft_limit: self.funds.overdraft.limit,
            frozen: self.freeze.is_some(),
            ..Balance::default()
        };
        for lot in self.lots() {
            let sum = if lot.is_current(now) {
                &mut balance.available
            } else if lot.terms.effective_at > now {
                &mut balance.pending
            } else {
                continue;
            };
            *sum = sum.plus(lot.free).expect("M3: all lots together are within the limit");
        }
        balance
    }

    /// What new work on this meter may spend now: lots in its scope, and what is left of the
    /// overdraft limit (W3, W5). Work without a meter may burn only lots without a scope.
    #[must_use]
    pub fn spendable(&self, meter: Option<&MeterName>, now: Timestamp) -> Credits {
        self.funds.spendable(meter, now)
    }
}
