//! A hold ends in a charge: of what was held, of more, or late (W8, W9).

use crate::wallet::due::grants;
use crate::wallet::event::{Draw, Draws, HoldSettled, Overage};
use crate::wallet::funds::Reach;
use crate::wallet::holds::{ExpiredHold, Hold};
use crate::wallet::{Wallet, WalletContext, WalletEvent};
use crate::{Credits, EntryId, HoldId, Refusal};

impl Wallet {
    pub(super) fn settle_hold(
        &self,
        hold: HoldId,
        amount: Credits,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let late = self.holds.get_expired(hold);
        let open = self.open_hold(hold, context);
        if let Err(unknown @ Refusal::UnknownHold { .. }) = open {
            return Err(unknown);
        }
        if amount < Credits::ZERO {
            return Err(Refusal::AmountNotPositive);
        }
        match late {
            Some(expired) if expired.settle_until(context.moment.now).is_some() => {
                self.settle_late(expired, amount, context)
            }
            _ => self.settle_open(open?, amount, context),
        }
    }

    /// W8.
    fn settle_open(
        &self,
        hold: &Hold,
        needed: Credits,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let now = context.moment.now;
        let excess = needed.minus(hold.amount).map_err(|_| Refusal::AmountOutOfRange)?;
        let excess = excess.max(Credits::ZERO);
        if excess.is_positive() && hold.overage == Overage::Reject {
            return Err(Refusal::SettlementExceedsHold { needed, held: hold.amount });
        }
        let (from_hold, returned) = split(&hold.draws, needed.min(hold.amount));
        let (from_available, shortfall) = match hold.overage {
            Overage::Overflow => {
                let meter = hold.meter.as_ref();
                (self.funds.draw(excess, meter, now, Reach::BeyondLimit)?, Credits::ZERO)
            }
            Overage::Cap | Overage::Reject => (Draws::default(), excess),
        };
        // Overdraft that was only reserved is owed from now on, so credits repay it (W5).
        let new_debt = from_hold.overdraft.max(from_available.overdraft);
        let amount = needed.minus(shortfall).map_err(|_| Refusal::AmountOutOfRange)?;
        let back = grants(&returned);
        let quiet = self.funds.is_quiet(&returned, new_debt, now);
        let event = WalletEvent::HoldSettled(HoldSettled {
            hold: hold.hold,
            entry: EntryId(context.moment.next),
            amount,
            from_hold,
            from_available,
            returned,
            shortfall,
            late: false,
            meter: hold.meter.clone(),
            attribution: hold.attribution.clone(),
        });
        if quiet { Ok(vec![event]) } else { self.with_consequences(event, &back, now) }
    }

    /// W9: the hold's part went back when it expired, so all comes from what is available.
    fn settle_late(
        &self,
        hold: &ExpiredHold,
        needed: Credits,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let (now, meter) = (context.moment.now, hold.meter.as_ref());
        if hold.overage == Overage::Reject && needed > hold.amount {
            return Err(Refusal::SettlementExceedsHold { needed, held: hold.amount });
        }
        let (amount, reach) = match hold.overage {
            Overage::Overflow => (needed, Reach::BeyondLimit),
            Overage::Cap => {
                let most = hold.amount.min(self.funds.spendable(meter, now));
                (needed.min(most), Reach::WithinLimit)
            }
            Overage::Reject => (needed, Reach::WithinLimit),
        };
        let event = WalletEvent::HoldSettled(HoldSettled {
            hold: hold.hold,
            entry: EntryId(context.moment.next),
            amount,
            from_hold: Draws::default(),
            from_available: self.funds.draw(amount, meter, now, reach)?,
            returned: Draws::default(),
            shortfall: needed.minus(amount).map_err(|_| Refusal::AmountOutOfRange)?,
            late: true,
            meter: hold.meter.clone(),
            attribution: hold.attribution.clone(),
        });
        Ok(vec![event])
    }
}

/// The first part of what was drawn, in burn order, and the rest.
fn split(draws: &Draws, amount: Credits) -> (Draws, Draws) {
    let (mut first, mut rest) = (Draws::default(), Draws::default());
    let mut missing = amount;
    let mut part_of = |whole: Credits| {
        let part = missing.min(whole);
        missing = minus(missing, part);
        (part, minus(whole, part))
    };
    for draw in &draws.lots {
        let (part, left) = part_of(draw.amount);
        let push = |draws: &mut Draws, amount: Credits| {
            if amount.is_positive() {
                draws.lots.push(Draw { grant: draw.grant, amount });
            }
        };
        push(&mut first, part);
        push(&mut rest, left);
    }
    (first.overdraft, rest.overdraft) = part_of(draws.overdraft);
    (first, rest)
}

fn minus(whole: Credits, part: Credits) -> Credits {
    whole.minus(part).expect("a part is not more than the whole")
}
