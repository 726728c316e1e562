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
    /// Dates what a command leads to, before any of it is folded in. What follows from something,
    /// such as the expiry of what is refunded, counts no earlier than that: otherwise the books as
    /// of a moment between the two would have less than nothing.
    pub(super) fn dated(
        &self,
        event: WalletEvent,
        command: &WalletCommand,
        now: Timestamp,
    ) -> Dated {
        let effective_at = match (&event, command) {
            (WalletEvent::CreditsGranted(e), _) => e.terms.effective_at,
            (WalletEvent::CreditsDebited(_), WalletCommand::Debit(debit)) => {
                debit.effective_at.unwrap_or(now)
            }
            // U1: the reporter's clock may be ahead, but only a grant counts ahead of its time.
            (WalletEvent::UsageRecorded(e), _) => e.usage.occurred_at.min(now),
            // W11: what is dated ahead is taken back when it would have come in.
            (WalletEvent::GrantVoided(e), _) => {
                self.funds.lots.get(e.grant).map_or(now, |lot| lot.terms.effective_at.max(now))
            }
            _ => now,
        };
        Dated { effective_at, event }
    }
}
