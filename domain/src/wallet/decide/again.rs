//! What a record costs when it is rated again (U4).

use rust_decimal::Decimal;

use super::usage::{Outcome, Rated, charge, step_price, total_fits};
use crate::meter::{Aggregation, Meter, Price};
use crate::rating::{Quote, Steps, quote};
use crate::wallet::event::{CarriedOn, Rating, Tally, UsageRecorded};
use crate::wallet::{Wallet, WalletContext};
use crate::{Credits, EntryId, Label, Refusal, Timestamp};

impl Wallet {
    /// A record that has a place in a running total keeps it, by whatever it is rated; one that has
    /// none joins the total, if its price is of that.
    pub(super) fn rated_again(
        &self,
        recorded: &UsageRecorded,
        meter: &Meter,
        context: &WalletContext<'_>,
    ) -> Result<Rated, Refusal> {
        let Some(tally) = self.tally_of(recorded) else {
            return self.joined(recorded, meter, context);
        };
        let quoted = quote(&recorded.usage, meter, context.price_table);
        if let Err(given_up) = self.tallies.keep(&recorded.usage, tally.period) {
            return match quoted {
                // Beside the total, and rated by itself again.
                Ok(Quote::Record { amount, price }) if tally.quantity == tally.previous => {
                    Ok(Rated { amount, price, tally: None, carried_on: None })
                }
                _ => Err(given_up),
            };
        }
        let place = self.place(recorded, tally)?;
        match quoted? {
            Quote::Running(steps) => self.step_again(recorded, tally, &place, steps),
            Quote::Record { amount, price } => place.left(tally, amount, price),
            Quote::Unpriced { why } => Err(Refusal::UsageUnpriceable { why }),
        }
    }

    /// Its last step of the running total. What has never had a price joins it by its first one.
    fn tally_of<'a>(&'a self, recorded: &'a UsageRecorded) -> Option<&'a Tally> {
        let line = self.lines.get(recorded.entry);
        if line.is_none_or(|line| line.cost.is_none())
            && matches!(recorded.rating, Rating::Unpriced { .. })
        {
            return None;
        }
        line.and_then(|line| line.tally.as_ref()).or(recorded.tally.as_ref())
    }

    /// U4: a record that was rated by itself joins at its own place, if what is before that is
    /// known; any other one at the end.
    fn joined(
        &self,
        recorded: &UsageRecorded,
        meter: &Meter,
        context: &WalletContext<'_>,
    ) -> Result<Rated, Refusal> {
        let now = match self.rated(&recorded.usage, meter, context)? {
            Outcome::Rated(rated) => rated,
            Outcome::Unpriced { why } => return Err(Refusal::UsageUnpriceable { why }),
        };
        let Some(at_the_end) = now.tally.as_ref() else { return Ok(now) };
        if !self.was_alone(recorded, at_the_end.period) {
            return Ok(now);
        }
        let Quote::Running(steps) = quote(&recorded.usage, meter, context.price_table)? else {
            return Ok(now);
        };
        let nothing = Tally::passed(at_the_end.period, Decimal::ZERO, Credits::ZERO);
        let place = self.place(recorded, &nothing)?;
        self.step_again(recorded, &nothing, &place, steps)
    }

    /// Whether it was rated by itself, before there was a running total. Where there was one, its
    /// place in that stands on the event, but for those that earlier versions recorded.
    fn was_alone(&self, recorded: &UsageRecorded, period: Timestamp) -> bool {
        let later = self.lines.get(recorded.entry).and_then(|line| line.cost);
        let was_rated = later.is_some() || matches!(recorded.rating, Rating::Rated { .. });
        let total = self.tallies.get(&recorded.usage.meter, period);
        was_rated && total.is_none_or(|total| recorded.entry < total.begun)
    }

    fn place(&self, recorded: &UsageRecorded, tally: &Tally) -> Result<Place, Refusal> {
        let joined = self.lines.get(recorded.entry).and_then(|line| line.joined);
        let line = joined.unwrap_or(recorded.entry);
        let Some(total) = self.tallies.get(&recorded.usage.meter, tally.period) else {
            let (previous, total) = (tally.previous, tally.previous);
            return Ok(Place { line, previous, total, carried: Credits::ZERO });
        };
        let carried = total.carry_before(line).map_err(|_| Refusal::AmountOutOfRange)?;
        let previous = tally.previous + total.moved_before(line);
        Ok(Place { line, previous, total: total.quantity, carried })
    }

    /// U4: the step at its price of now, with what was carried to it set against it, and what
    /// records before it have left over since, rated again themselves. So the same price moves
    /// nothing, and a month that is rated again in its order costs what it would have cost.
    fn step_again(
        &self,
        recorded: &UsageRecorded,
        tally: &Tally,
        place: &Place,
        steps: Steps,
    ) -> Result<Rated, Refusal> {
        let carried = match tally.carried {
            Some(carried) => carried,
            None => {
                let step = step_price(&steps, tally)?;
                unwritten_carry(&steps, step, self.cost_of(recorded), tally.carry)?
            }
        };
        let carried = carried.plus(place.carried).map_err(|_| Refusal::AmountOutOfRange)?;
        let own = match steps.aggregation {
            Aggregation::Count | Aggregation::Sum => steps.quantity,
            Aggregation::Max | Aggregation::Latest | Aggregation::UniqueCount => {
                tally.quantity - tally.previous
            }
        };
        let quantity = place.previous + own;
        let whole = place.total + own - (tally.quantity - tally.previous);
        total_fits(&recorded.usage, quantity)?;
        total_fits(&recorded.usage, whole)?;
        let mut now = Tally { previous: place.previous, quantity, ..tally.clone() };
        let (amount, carry) = charge(step_price(&steps, &now)?, carried)?;
        now = Tally { carried: Some(carried), carry, ..now };
        place.rated(tally, now, amount, steps.price)
    }
}

/// Where in the running total a record is, and what is before it there now.
struct Place {
    line: EntryId,
    previous: Decimal,
    /// The whole total now.
    total: Decimal,
    /// What records before it have left over since it was rated.
    carried: Credits,
}

impl Place {
    /// U4: a record that is rated by itself is not in the total: it passes on what is carried to
    /// it. Where that is not known, it was what the record left over itself.
    fn left(&self, tally: &Tally, amount: Credits, price: Label) -> Result<Rated, Refusal> {
        let carried = tally.carried.unwrap_or(tally.carry);
        let carried = carried.plus(self.carried).map_err(|_| Refusal::AmountOutOfRange)?;
        let now = Tally {
            previous: self.previous,
            quantity: self.previous,
            carried: Some(carried),
            carry: carried,
            ..tally.clone()
        };
        self.rated(tally, now, amount, price)
    }

    /// With what it leaves over now, and adds to the total, beyond what it did before.
    fn rated(
        &self,
        before: &Tally,
        now: Tally,
        amount: Credits,
        price: Label,
    ) -> Result<Rated, Refusal> {
        let carry = now.carry.minus(before.carry).map_err(|_| Refusal::AmountOutOfRange)?;
        let quantity = (now.quantity - now.previous) - (before.quantity - before.previous);
        let on = CarriedOn { place: self.line, amount: carry, quantity: quantity.normalize() };
        Ok(Rated { amount, price, tally: Some(now), carried_on: Some(on) })
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
