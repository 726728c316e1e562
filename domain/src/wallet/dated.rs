//! When an event counts (M5).

use super::event::WalletEvent;
use super::{Wallet, WalletCommand};
use crate::Timestamp;

/// An event that a wallet decided on, and when it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Dated {
    /// When it counts: now, or when it fell due, or as its command says.
    pub effective_at: Timestamp,
    /// What happens.
    pub event: WalletEvent,
}

impl From<Dated> for WalletEvent {
    fn from(dated: Dated) -> WalletEvent {
        dated.event
    }
}

impl Wallet {
    /// Dates what a command leads to.
    pub(super) fn dated(
        &self,
        event: WalletEvent,
        command: &WalletCommand,
        now: Timestamp,
    ) -> Dated {
        let effective_at = match (&event, command) {
            (WalletEvent::CreditsGranted(e), _) => Some(e.terms.effective_at),
            (WalletEvent::CreditsExpired(e), _) => Some(e.expired_at),
            (WalletEvent::UsageRecorded(e), _) => Some(e.usage.occurred_at),
            (WalletEvent::CreditsDebited(_), WalletCommand::Debit(debit)) => debit.effective_at,
            _ => None,
        };
        Dated { effective_at: effective_at.unwrap_or(now), event }
    }
}
