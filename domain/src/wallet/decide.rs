//! What a command leads to: events, or the refusal that stands first in the precedence.

mod again;
mod checks;
mod correction;
mod grant;
mod hold;
mod limits;
mod refund;
mod returns;
mod settlement;
mod usage;
mod work;

use super::{Dated, Wallet, WalletCommand, WalletContext, WalletEvent};
use crate::{GrantId, Moment, Refusal, Timestamp};

impl Wallet {
    /// What a command leads to. What has fallen due and is not recorded yet comes first.
    pub fn decide(
        &self,
        command: &WalletCommand,
        context: &WalletContext<'_>,
    ) -> Result<Vec<Dated>, Refusal> {
        let mut events = self.due(&context.moment);
        if events.is_empty() {
            return self.decide_dated(command, context);
        }
        let mut current = self.clone();
        for due in &events {
            current.apply(&due.event).expect("what falls due was made from this very state");
        }
        let next = context.moment.next.plus(events.len() as u64);
        let context = WalletContext { moment: Moment { next, ..context.moment }, ..*context };
        events.extend(current.decide_dated(command, &context)?);
        Ok(events)
    }

    fn decide_dated(
        &self,
        command: &WalletCommand,
        context: &WalletContext<'_>,
    ) -> Result<Vec<Dated>, Refusal> {
        let events = self.decide_now(command, context)?;
        let now = context.moment.now;
        Ok(events.into_iter().map(|event| self.dated(event, command, now)).collect())
    }

    fn decide_now(
        &self,
        command: &WalletCommand,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        checks::tenant_exists(context)?;
        match command {
            WalletCommand::Grant(grant) => self.grant(grant, context),
            WalletCommand::VoidGrant { grant, reason } => self.void_grant(*grant, reason, context),
            WalletCommand::Debit(debit) => self.debit(debit, context),
            WalletCommand::PlaceHold(hold) => self.place_hold(hold, context),
            WalletCommand::ExtendHold { hold, ttl_seconds } => {
                self.extend_hold(*hold, *ttl_seconds, context)
            }
            WalletCommand::SettleHold { hold, amount } => self.settle_hold(*hold, *amount, context),
            WalletCommand::ReleaseHold { hold, reason } => {
                self.release_hold(*hold, reason.as_ref(), context)
            }
            WalletCommand::Refund { entry, amount, expires_at, reason } => {
                self.refund(*entry, *amount, *expires_at, reason.as_ref(), context)
            }
            WalletCommand::SetOverdraftLimit { limit, reason } => {
                limits::set_overdraft_limit(*limit, reason.as_ref())
            }
            WalletCommand::Freeze { reason } => self.freeze(reason),
            WalletCommand::Unfreeze { reason } => self.unfreeze(reason),
            WalletCommand::RecordUsage(usage) => self.record_usage(usage, context),
            WalletCommand::VoidUsage { entry, reason } => self.void_usage(*entry, reason, context),
            WalletCommand::RateUsage { entry, reason } => self.rate_usage(*entry, reason, context),
        }
    }

    /// The event, and what follows from it in the same commit (W5, W7, W10, W11).
    fn with_consequences(
        &self,
        event: WalletEvent,
        returned: &[GrantId],
        now: Timestamp,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let mut funds = self.funds.clone();
        // What was decided from these funds fits them, but their sums may pass the limit (M3).
        funds.apply(&event).map_err(|_| Refusal::AmountOutOfRange)?;
        let mut events = vec![event];
        funds.settle(returned, now, &mut events);
        Ok(events)
    }
}
