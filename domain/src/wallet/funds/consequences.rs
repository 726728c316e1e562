//! What follows in the same commit from credits that come back or become spendable (W5, W7, W10,
//! W11). A follow-up is applied to the funds it was made from, so callers pass a copy.

use super::Funds;
use crate::wallet::WalletEvent;
use crate::wallet::event::{CreditsExpired, Draw, Draws, GrantVoided, OverdraftRepaid};
use crate::{Credits, GrantId, Timestamp};

/// Nobody can be refused what falls due by itself, so it has to fit into an event (J4).
const MOST_LOTS_REPAYING: usize = 256;

impl Funds {
    /// Whether nothing at all follows from these parts coming back and that much overdraft
    /// becoming repayable: the common case, which needs no copy.
    pub(in crate::wallet) fn is_quiet(
        &self,
        returned: &Draws,
        new_debt: Credits,
        now: Timestamp,
    ) -> bool {
        self.overdraft.repayable().is_zero()
            && new_debt.is_zero()
            && returned.lots.iter().all(|draw| {
                !self.voided.contains_key(&draw.grant)
                    && self.lots.get(draw.grant).is_some_and(|lot| !lot.has_expired(now))
            })
    }

    /// W7, W10, W11: what came back to lots that were voided or have expired leaves again; then
    /// W5: what can be spent now repays overdraft.
    pub(in crate::wallet) fn settle(
        &mut self,
        returned: &[GrantId],
        now: Timestamp,
        events: &mut Vec<WalletEvent>,
    ) {
        for grant in returned {
            let Some(lot) = self.lots.get(*grant).filter(|lot| lot.free.is_positive()) else {
                continue;
            };
            let event = if let Some(voided) = self.voided.get(grant) {
                WalletEvent::GrantVoided(GrantVoided {
                    grant: *grant,
                    amount: lot.free,
                    origin: lot.terms.origin,
                    reason: voided.reason.clone(),
                })
            } else if let Some(expired_at) = lot.terms.expires_at.filter(|at| *at <= now) {
                WalletEvent::CreditsExpired(CreditsExpired {
                    grant: *grant,
                    amount: lot.free,
                    expired_at,
                })
            } else {
                continue;
            };
            self.follow(event, events);
        }
        while let Some(repaid) = self.repayment(now) {
            self.follow(WalletEvent::OverdraftRepaid(repaid), events);
        }
    }

    /// The free part of the lot that expires first, if it has expired.
    pub(in crate::wallet) fn expire_first(&mut self, events: &mut Vec<WalletEvent>) {
        let Some((expired_at, grant)) = self.lots.next_expiry() else { return };
        let Some(lot) = self.lots.get(grant) else { return };
        let event = CreditsExpired { grant, amount: lot.free, expired_at };
        self.follow(WalletEvent::CreditsExpired(event), events);
    }

    /// Whether the grant was voided.
    pub(in crate::wallet) fn is_voided(&self, grant: GrantId) -> bool {
        self.voided.contains_key(&grant)
    }

    /// What unscoped lots can repay now (W5), or as many of them as an event has room for.
    fn repayment(&self, now: Timestamp) -> Option<OverdraftRepaid> {
        let mut missing = self.overdraft.repayable();
        if missing.is_zero() {
            return None;
        }
        let mut lots = Vec::new();
        for lot in self.lots.in_burn_order() {
            let part = missing.min(lot.free);
            if part.is_positive()
                && lot.is_unscoped()
                && lot.is_current(now)
                && !self.is_voided(lot.grant)
            {
                lots.push(Draw { grant: lot.grant, amount: part });
                missing = missing.minus(part).expect("a part is not more than the whole");
                if lots.len() == MOST_LOTS_REPAYING {
                    break;
                }
            }
        }
        let amount = self.overdraft.repayable().minus(missing).ok()?;
        amount.is_positive().then_some(OverdraftRepaid { amount, lots })
    }

    fn follow(&mut self, event: WalletEvent, events: &mut Vec<WalletEvent>) {
        self.apply(&event).expect("what follows was made from these very funds");
        events.push(event);
    }
}
