//! A usage record is taken back, or gets another price (U3, U4). The original stays.

use super::checks;
use super::refund::{recorded_line, returned_lots};
use super::usage::Rated;
use crate::wallet::event::{
    CarriedBack, Draws, Rating, Returns, UsageRated, UsageRecorded, UsageVoided,
};
use crate::wallet::funds::Reach;
use crate::wallet::line::{total, unwind};
use crate::wallet::{Wallet, WalletContext, WalletEvent};
use crate::{Credits, EntryId, Personal, Refusal};

impl Wallet {
    /// What is left of its cost goes back. A running total it was part of stays as it is, and what
    /// was set against the record is set against others again (U4).
    pub(super) fn void_usage(
        &self,
        entry: EntryId,
        reason: &Personal,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let line = recorded_line(entry, context)?;
        let recorded = usage_record(entry, line)?;
        let carried_back = self.carried_back(recorded)?;
        self.is_not_void(entry)?;
        let mut left = self.left_of(entry, line).unwrap_or_default();
        let amount = total(&left);
        let unwound = unwind(&mut left, amount);
        let returns = self.returns(&unwound, None, context)?;
        let back = returned_lots(&returns);
        let event = WalletEvent::UsageVoided(UsageVoided {
            entry: EntryId(context.moment.next),
            of: entry,
            meter: recorded.usage.meter.clone(),
            amount,
            returns,
            carried_back,
            reason: reason.clone(),
        });
        self.with_consequences(event, &back, context.moment.now)
    }

    /// Only what was in the tenant's favour: nobody pays for others' being void. Records that are
    /// there have been rated without it, so that the same price goes on to move nothing.
    fn carried_back(&self, recorded: &UsageRecorded) -> Result<Option<CarriedBack>, Refusal> {
        let later = self.lines.get(recorded.entry).and_then(|line| line.tally.as_ref());
        let Some(tally) = later.or(recorded.tally.as_ref()) else { return Ok(None) };
        let taken = tally.carried.and_then(|carried| carried.minus(tally.carry).ok());
        let Some(amount) = taken.filter(|amount| amount.negated().is_positive()) else {
            return Ok(None);
        };
        self.tallies.keep(&recorded.usage, tally.period)?;
        Ok(Some(CarriedBack { period: tally.period, amount }))
    }

    /// The difference between what it costs and what it cost is charged (W4) or goes back, both
    /// beyond what refunds have returned of it.
    pub(super) fn rate_usage(
        &self,
        entry: EntryId,
        reason: &Personal,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let now = context.moment.now;
        let line = recorded_line(entry, context)?;
        let recorded = usage_record(entry, line)?;
        let meter = checks::meter(&recorded.usage.meter, context)?;
        let rated = self.rated_again(recorded, meter, context);
        if let Err(senseless @ (Refusal::TooFarBack { .. } | Refusal::InvalidUsage { .. })) = rated
        {
            return Err(senseless);
        }
        self.is_not_void(entry)?;
        let Rated { amount, price, tally, carried_on } = rated?;
        let previous = self.cost_of(recorded);
        let change = amount.minus(previous).map_err(|_| Refusal::AmountOutOfRange)?;
        let (draws, returns) = if change.is_positive() {
            let meter = Some(&recorded.usage.meter);
            let charged = self.lines.get(entry).map_or(Ok(change), |line| line.charged_of(change));
            let charged = charged.map_err(|_| Refusal::AmountOutOfRange)?;
            (self.funds.draw(charged, meter, now, Reach::WithinLimit)?, Returns::default())
        } else {
            let mut left = self.left_of(entry, line).unwrap_or_default();
            let unwound = unwind(&mut left, change.negated());
            (Draws::default(), self.returns(&unwound, None, context)?)
        };
        let back = returned_lots(&returns);
        let event = WalletEvent::UsageRated(UsageRated {
            entry: EntryId(context.moment.next),
            of: entry,
            meter: recorded.usage.meter.clone(),
            previous,
            amount,
            price,
            draws,
            returns,
            tally,
            carried_on,
            reason: reason.clone(),
        });
        self.with_consequences(event, &back, now)
    }

    pub(super) fn cost_of(&self, recorded: &UsageRecorded) -> Credits {
        let later = self.lines.get(recorded.entry).and_then(|line| line.cost);
        later.unwrap_or(match &recorded.rating {
            Rating::Rated { amount, .. } => *amount,
            Rating::Unpriced { .. } => Credits::ZERO,
        })
    }

    fn is_not_void(&self, entry: EntryId) -> Result<(), Refusal> {
        match self.lines.get(entry) {
            Some(line) if line.void => Err(Refusal::UsageAlreadyVoid { entry }),
            _ => Ok(()),
        }
    }
}

fn usage_record(entry: EntryId, line: &WalletEvent) -> Result<&UsageRecorded, Refusal> {
    match line {
        WalletEvent::UsageRecorded(recorded) => Ok(recorded),
        _ => Err(Refusal::UnknownEntry { entry }),
    }
}
