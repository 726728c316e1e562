//! Credits come in, and what is unused of them is taken back (W1, W11).

use rust_decimal::Decimal;

use super::checks;
use crate::wallet::command::Grant;
use crate::wallet::event::{CreditsGranted, GrantVoided, LotTerms};
use crate::wallet::{Wallet, WalletContext, WalletEvent};
use crate::{GrantId, Personal, Refusal, Timestamp};

/// W1: the highest number, which burns last.
const LAST_PRIORITY: u8 = 100;

impl Wallet {
    pub(super) fn grant(
        &self,
        grant: &Grant,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let moment = &context.moment;
        checks::is_positive(grant.amount)?;
        if grant.priority > LAST_PRIORITY {
            return Err(Refusal::PriorityOutOfRange { priority: grant.priority });
        }
        let effective_at = grant.effective_at.unwrap_or(moment.now);
        ends_after(grant.expires_at, effective_at.max(moment.now))?;
        checks::not_too_far_back(effective_at, moment)?;
        if grant.unit_cost.is_some_and(|cost| cost < Decimal::ZERO) {
            return Err(Refusal::InvalidPrice { why: "a unit cost below zero".into() });
        }
        let event = WalletEvent::CreditsGranted(CreditsGranted {
            grant: GrantId(moment.next),
            amount: grant.amount,
            terms: LotTerms {
                kind: grant.kind,
                priority: grant.priority,
                effective_at,
                expires_at: grant.expires_at,
                scope: grant.scope.clone(),
                origin: grant.origin,
            },
            unit_cost: grant.unit_cost,
            source: grant.source.clone(),
        });
        self.with_consequences(event, &[], moment.now)
    }

    /// W11: what is free goes now; what is held goes when it returns.
    pub(super) fn void_grant(
        &self,
        grant: GrantId,
        reason: &Personal,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let voided = self.funds.is_voided(grant);
        let Some(lot) = self.funds.lots.get(grant).filter(|_| !voided) else {
            let made = context.original.and_then(|original| original.event.lot_terms());
            let known = voided || made.is_some_and(|(made, _)| made == grant);
            return Err(if known {
                Refusal::NothingToVoid { grant }
            } else {
                Refusal::UnknownGrant { grant }
            });
        };
        Ok(vec![WalletEvent::GrantVoided(GrantVoided {
            grant,
            amount: lot.free,
            origin: lot.terms.origin,
            reason: reason.clone(),
        })])
    }
}

/// Whether credits that end at all end after that moment.
pub(super) fn ends_after(expires_at: Option<Timestamp>, after: Timestamp) -> Result<(), Refusal> {
    match expires_at {
        Some(expires_at) if expires_at <= after => {
            Err(Refusal::ExpiryNotInFuture { expires_at, after })
        }
        _ => Ok(()),
    }
}
