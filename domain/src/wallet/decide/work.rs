//! New work: a debit, or a hold for one (W4, W6).

use super::checks;
use super::hold::time_to_live;
use crate::wallet::command::{Debit, PlaceHold};
use crate::wallet::event::{CreditsDebited, HoldPlaced};
use crate::wallet::funds::Reach;
use crate::wallet::{Wallet, WalletContext, WalletEvent};
use crate::{EntryId, HoldId, Refusal};

impl Wallet {
    pub(super) fn debit(
        &self,
        debit: &Debit,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let moment = &context.moment;
        checks::is_positive(debit.amount)?;
        if let Some(at) = debit.effective_at {
            checks::not_too_far_back(at, moment)?;
            checks::not_ahead(at, 0, moment)?;
        }
        self.may_work(context)?;
        let draws =
            self.funds.draw(debit.amount, debit.meter.as_ref(), moment.now, Reach::WithinLimit)?;
        Ok(vec![WalletEvent::CreditsDebited(CreditsDebited {
            entry: EntryId(moment.next),
            amount: debit.amount,
            draws,
            meter: debit.meter.clone(),
            attribution: debit.attribution.clone(),
            reason: debit.reason.clone(),
        })])
    }

    pub(super) fn place_hold(
        &self,
        hold: &PlaceHold,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let moment = &context.moment;
        checks::is_positive(hold.amount)?;
        let ttl_seconds = time_to_live(hold.ttl_seconds)?;
        self.may_work(context)?;
        self.funds.held().plus(hold.amount).map_err(|_| Refusal::AmountOutOfRange)?;
        let draws =
            self.funds.draw(hold.amount, hold.meter.as_ref(), moment.now, Reach::WithinLimit)?;
        Ok(vec![WalletEvent::HoldPlaced(HoldPlaced {
            hold: HoldId(moment.next),
            amount: hold.amount,
            draws,
            expires_at: moment.now.plus_seconds(ttl_seconds),
            overage: hold.overage,
            meter: hold.meter.clone(),
            attribution: hold.attribution.clone(),
        })])
    }
}
