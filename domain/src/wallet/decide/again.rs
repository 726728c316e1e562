//! What a record costs when it is rated again (U4).

use super::usage::{Outcome, Rated, charge, step_price};
use crate::meter::{Aggregation, Meter, Price};
use crate::rating::{Quote, Steps, quote};
use crate::wallet::event::{CarriedOn, Tally, UsageRecorded};
use crate::wallet::{Wallet, WalletContext};
use crate::{Credits, Refusal};

impl Wallet {
    /// A record that is part of a running total keeps its step of it; one that is not joins the
    /// total now.
    pub(super) fn rated_again(
        &self,
        recorded: &UsageRecorded,
        meter: &Meter,
        context: &WalletContext<'_>,
    ) -> Result<Rated, Refusal> {
        let later = self.lines.get(recorded.entry).and_then(|line| line.tally.as_ref());
        if let Some(tally) = later.or(recorded.tally.as_ref())
            && let Quote::Running(steps) = quote(&recorded.usage, meter, context.price_table)?
        {
            return self.step_again(recorded, tally, steps);
        }
        match self.rated(&recorded.usage, meter, context)? {
            Outcome::Rated(rated) => Ok(rated),
            Outcome::Unpriced { why } => Err(Refusal::UsageUnpriceable { why }),
        }
    }

    /// U4: the step at its price of now, with what was carried to it set against it, and what
    /// records before it have left over since, rated again themselves. So the same price moves
    /// nothing, and a month that is rated again in its order costs what it would have cost.
    fn step_again(
        &self,
        recorded: &UsageRecorded,
        tally: &Tally,
        steps: Steps,
    ) -> Result<Rated, Refusal> {
        let out_of_range = |_| Refusal::AmountOutOfRange;
        let joined = self.lines.get(recorded.entry).and_then(|line| line.joined);
        let place = joined.unwrap_or(recorded.entry);
        let total = self.tallies.get(&recorded.usage.meter, tally.period);
        let since = total.map_or(Ok(Credits::ZERO), |total| total.carry_before(place));
        let step = step_price(&steps, tally)?;
        let carried = match tally.carried {
            Some(carried) => carried,
            None => unwritten_carry(&steps, step, self.cost_of(recorded), tally.carry)?,
        };
        let carried = since.and_then(|since| carried.plus(since)).map_err(out_of_range)?;
        let (amount, carry) = charge(step, carried)?;
        let on = CarriedOn { place, amount: carry.minus(tally.carry).map_err(out_of_range)? };
        let tally = Tally { carried: Some(carried), carry, ..tally.clone() };
        Ok(Rated { amount, price: steps.price, tally: Some(tally), carried_on: Some(on) })
    }
}

/// What was carried to a record that was written without it. Where a total's price cannot fall,
/// nothing was. Elsewhere the price is taken to be the same, unless it is lower whatever was
/// carried: so what cannot be known is never charged.
fn unwritten_carry(
    steps: &Steps,
    step: Credits,
    cost: Credits,
    carry: Credits,
) -> Result<Credits, Refusal> {
    let falls =
        steps.aggregation == Aggregation::Latest || matches!(steps.by, Price::Volume { .. });
    if !falls {
        return Ok(Credits::ZERO);
    }
    let by_the_same_price = cost.plus(carry).and_then(|due| due.minus(step));
    Ok(by_the_same_price.map_err(|_| Refusal::AmountOutOfRange)?.min(Credits::ZERO))
}
