//! Usage is recorded, rated and paid for (U1-U3).

use rust_decimal::Decimal;

use super::checks;
use crate::calendar::month_start;
use crate::meter::{Aggregation, Meter};
use crate::rating::{Quote, Steps, check_total, quote, total_price};
use crate::wallet::event::{CarriedOn, Rating, Tally, Usage, UsageRecorded};
use crate::wallet::funds::Reach;
use crate::wallet::tally::PeriodTotal;
use crate::wallet::{Wallet, WalletContext, WalletEvent};
use crate::{Credits, EntryId, Label, Refusal, Timestamp};

/// What a record costs, or why it stays without a price (U3).
pub(super) enum Outcome {
    Rated(Rated),
    Unpriced { why: String },
}

/// A record's cost, by which price, its step of the running total, and what it leaves to others
/// if it was in that total before.
pub(super) struct Rated {
    pub(super) amount: Credits,
    pub(super) price: Label,
    pub(super) tally: Option<Tally>,
    pub(super) carried_on: Option<CarriedOn>,
}

impl Wallet {
    pub(super) fn record_usage(
        &self,
        usage: &Usage,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let moment = &context.moment;
        let meter = checks::meter(&usage.meter, context)?;
        checks::not_too_far_back(usage.occurred_at, moment)?;
        checks::not_ahead(usage.occurred_at, checks::CLOCK_TOLERANCE_SECONDS, moment)?;
        let rated = self.rated(usage, meter, context);
        if let Err(senseless @ (Refusal::TooFarBack { .. } | Refusal::InvalidUsage { .. })) = rated
        {
            return Err(senseless);
        }
        self.may_work(context)?;
        let (rating, amount, tally) = match rated? {
            Outcome::Rated(Rated { amount, price, tally, .. }) => {
                (Rating::Rated { amount, price }, amount, tally)
            }
            Outcome::Unpriced { why } => {
                (Rating::Unpriced { why: Label::of_any(&why) }, Credits::ZERO, None)
            }
        };
        let tally = match tally {
            Some(tally) => Some(tally),
            None => self.passed(usage, meter, context)?,
        };
        let draws = self.funds.draw(amount, Some(&usage.meter), moment.now, Reach::WithinLimit)?;
        Ok(vec![WalletEvent::UsageRecorded(UsageRecorded {
            entry: EntryId(moment.next),
            usage: usage.clone(),
            rating,
            draws,
            tally,
        })])
    }

    /// What a record costs on top of what its period has counted so far.
    pub(super) fn rated(
        &self,
        usage: &Usage,
        meter: &Meter,
        context: &WalletContext<'_>,
    ) -> Result<Outcome, Refusal> {
        match quote(usage, meter, context.price_table)? {
            Quote::Record { amount, price } => {
                Ok(Outcome::Rated(Rated { amount, price, tally: None, carried_on: None }))
            }
            Quote::Running(steps) => self.step(usage, steps, context).map(Outcome::Rated),
            Quote::Unpriced { why } => Ok(Outcome::Unpriced { why }),
        }
    }

    /// U4: a record that is not in the running total has its place in it: it passes on what is
    /// carried. Where there is no total yet, nothing is before it.
    fn passed(
        &self,
        usage: &Usage,
        meter: &Meter,
        context: &WalletContext<'_>,
    ) -> Result<Option<Tally>, Refusal> {
        let adds_up = matches!(meter.aggregation(), Some(Aggregation::Count | Aggregation::Sum));
        if !adds_up || !self.tallies.has(&usage.meter) {
            return Ok(None);
        }
        let period = period(usage, context)?;
        let Some(total) = self.tallies.get(&usage.meter, period) else { return Ok(None) };
        let carried = total.carry().map_err(|_| Refusal::AmountOutOfRange)?;
        Ok(Some(Tally::passed(period, total.quantity, carried)))
    }

    /// U2: the price of the total after, less the price of the total before, with what earlier
    /// records left over set against it.
    fn step(
        &self,
        usage: &Usage,
        steps: Steps,
        context: &WalletContext<'_>,
    ) -> Result<Rated, Refusal> {
        let period = period(usage, context)?;
        self.tallies.keep(usage, period)?;
        let total = self.tallies.get(&usage.meter, period);
        let carried = total.map_or(Ok(Credits::ZERO), PeriodTotal::carry);
        let carried = carried.map_err(|_| Refusal::AmountOutOfRange)?;
        let previous = total.map_or(Decimal::ZERO, |total| total.quantity);
        let mut tally = Tally::passed(period, previous, carried);
        match steps.aggregation {
            Aggregation::Count | Aggregation::Sum => tally.quantity = previous + steps.quantity,
            Aggregation::Max => tally.quantity = previous.max(steps.quantity),
            Aggregation::Latest => {
                let latest_at = total.and_then(|total| total.latest_at);
                if latest_at.is_none_or(|latest_at| latest_at <= usage.occurred_at) {
                    tally.quantity = steps.quantity;
                    tally.latest_at = Some(usage.occurred_at);
                }
            }
            Aggregation::UniqueCount => {
                let counted = |value: &&Label| !total.is_some_and(|total| total.has_counted(value));
                if let Some(value) = usage.value.as_ref().filter(counted) {
                    if total.is_some_and(PeriodTotal::is_full) {
                        return Err(Refusal::InvalidUsage {
                            meter: usage.meter.clone(),
                            why: "the period has counted as many values as it can".into(),
                        });
                    }
                    tally.quantity = previous + steps.quantity;
                    tally.counted = Some(value.clone());
                }
            }
        }
        total_fits(usage, tally.quantity)?;
        let (amount, carry) = charge(step_price(&steps, &tally)?, carried)?;
        tally.carry = carry;
        Ok(Rated { amount, price: steps.price, tally: Some(tally), carried_on: None })
    }
}

/// Where the period begins that the usage belongs to.
fn period(usage: &Usage, context: &WalletContext<'_>) -> Result<Timestamp, Refusal> {
    let zone = context
        .tenant
        .time_zone()
        .ok_or_else(|| Refusal::UnknownTenant { tenant: context.tenant_id.clone() })?;
    month_start(usage.occurred_at, zone)
        .ok_or_else(|| Refusal::UnknownTimeZone { time_zone: zone.clone() })
}

/// U2: whether the meter can count so much in a period.
pub(super) fn total_fits(usage: &Usage, quantity: Decimal) -> Result<(), Refusal> {
    check_total(quantity).map_err(|why| Refusal::InvalidUsage {
        meter: usage.meter.clone(),
        why: format!("the period's total of {why}"),
    })
}

/// U2: what a step costs, and what it leaves over, with what was left over set against it. Never
/// below zero and never more than the step.
pub(super) fn charge(step: Credits, carried: Credits) -> Result<(Credits, Credits), Refusal> {
    let due = step.plus(carried).map_err(|_| Refusal::AmountOutOfRange)?;
    let amount = due.clamp(Credits::ZERO, step.max(Credits::ZERO));
    Ok((amount, due.minus(amount).map_err(|_| Refusal::AmountOutOfRange)?))
}

/// What a step adds to the price of the total; below zero where the total got cheaper.
pub(super) fn step_price(steps: &Steps, tally: &Tally) -> Result<Credits, Refusal> {
    let price = |quantity| Ok(total_price(&steps.by, quantity)?.unwrap_or_default());
    price(tally.quantity)?.minus(price(tally.previous)?).map_err(|_| Refusal::AmountOutOfRange)
}
