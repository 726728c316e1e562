//! What an event says about itself to those who look it up: its line and its lot.

use super::event::{Draws, LotTerms, WalletEvent};
use crate::{EntryId, GrantId};

impl WalletEvent {
    /// The statement's line that it is, if it is one.
    #[must_use]
    pub const fn entry(&self) -> Option<EntryId> {
        match self {
            WalletEvent::CreditsDebited(e) => Some(e.entry),
            WalletEvent::HoldSettled(e) => Some(e.entry),
            WalletEvent::CreditsRefunded(e) => Some(e.entry),
            WalletEvent::UsageRecorded(e) => Some(e.entry),
            WalletEvent::UsageVoided(e) => Some(e.entry),
            WalletEvent::UsageRated(e) => Some(e.entry),
            _ => None,
        }
    }

    /// What it consumed, if it is a line that consumes: a debit, a settlement, a usage record.
    pub(super) fn consumed(&self) -> Option<Vec<&Draws>> {
        match self {
            WalletEvent::CreditsDebited(e) => Some(vec![&e.draws]),
            WalletEvent::HoldSettled(e) => Some(vec![&e.from_hold, &e.from_available]),
            WalletEvent::UsageRecorded(e) => Some(vec![&e.draws]),
            _ => None,
        }
    }

    /// The lots that a line consumed.
    #[must_use]
    pub fn drawn_lots(&self) -> Vec<GrantId> {
        let draws = self.consumed().unwrap_or_default();
        draws.iter().flat_map(|draws| &draws.lots).map(|draw| draw.grant).collect()
    }

    /// The lot that it made, if it made one.
    #[must_use]
    pub fn lot_terms(&self) -> Option<(GrantId, &LotTerms)> {
        let returns = match self {
            WalletEvent::CreditsGranted(e) => return Some((e.grant, &e.terms)),
            WalletEvent::CreditsRefunded(e) => &e.returns,
            WalletEvent::UsageVoided(e) => &e.returns,
            WalletEvent::UsageRated(e) => &e.returns,
            _ => return None,
        };
        returns.new_lot.as_ref().map(|lot| (lot.grant, &lot.terms))
    }
}
