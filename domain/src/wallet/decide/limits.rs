//! How far a wallet may go, and whether it may go at all (W5, W13).

use crate::wallet::event::{OverdraftLimitSet, WalletFrozen, WalletUnfrozen};
use crate::wallet::{Wallet, WalletEvent};
use crate::{Credits, Personal, Refusal};

/// W5: zero forbids overdraft; what is owed already stays owed.
pub(super) fn set_overdraft_limit(
    limit: Credits,
    reason: Option<&Personal>,
) -> Result<Vec<WalletEvent>, Refusal> {
    if limit < Credits::ZERO {
        return Err(Refusal::AmountNotPositive);
    }
    let event = OverdraftLimitSet { limit, reason: reason.cloned() };
    Ok(vec![WalletEvent::OverdraftLimitSet(event)])
}

impl Wallet {
    pub(super) fn freeze(&self, reason: &Personal) -> Result<Vec<WalletEvent>, Refusal> {
        if self.freeze.is_some() {
            return Err(Refusal::WalletAlreadyFrozen);
        }
        Ok(vec![WalletEvent::WalletFrozen(WalletFrozen { reason: reason.clone() })])
    }

    pub(super) fn unfreeze(&self, reason: &Personal) -> Result<Vec<WalletEvent>, Refusal> {
        if self.freeze.is_none() {
            return Err(Refusal::WalletNotFrozen);
        }
        Ok(vec![WalletEvent::WalletUnfrozen(WalletUnfrozen { reason: reason.clone() })])
    }
}
