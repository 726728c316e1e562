//! The amount that a single event is about, and what it consists of.

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Draws, Returns, UsageRated};
use quipu_domain::{Credits, Event, Recorded};

use super::{Figures, Part, sum};
use crate::{AuditLine, ProjectionError, movement, statement};

/// An event's amount in words, and the parts that it consists of by the event's own facts; no
/// parts where it is simply that amount.
pub struct EventAmount {
    /// Which event.
    pub what: String,
    /// Its amount; none where it is about none.
    pub figures: Figures,
    /// Whether it is a line of a statement.
    pub is_entry: bool,
    /// Lots and overdraft that were drawn, or got something back.
    pub parts: Vec<Part>,
}

impl EventAmount {
    /// The amount of an event.
    pub fn of(event: &Recorded) -> Result<EventAmount, ProjectionError> {
        let line = AuditLine::of(event);
        let what = format!("event {}, {}: {}", event.position, line.event_type, line.summary);
        let Event::Wallet(wallet) = &event.event else {
            let (figures, parts) = (Figures::new(), Vec::new());
            return Ok(EventAmount { what, figures, is_entry: false, parts });
        };
        movement::postings_of(wallet)?;
        let amount = statement::amount_of(wallet);
        let figures = sum(amount.map(|amount| ("amount", amount)))?;
        Ok(EventAmount { what, figures, is_entry: amount.is_some(), parts: parts(wallet)? })
    }
}

fn parts(event: &WalletEvent) -> Result<Vec<Part>, ProjectionError> {
    let mut parts = Parts(Vec::new());
    match event {
        WalletEvent::CreditsDebited(e) => parts.drawn("from", &e.draws)?,
        WalletEvent::HoldPlaced(e) => parts.drawn("reserved of", &e.draws)?,
        WalletEvent::HoldSettled(e) => {
            parts.drawn("from the hold, of", &e.from_hold)?;
            parts.drawn("beyond the hold, from", &e.from_available)?;
        }
        WalletEvent::HoldReleased(e) => parts.drawn("back to", &e.returned)?,
        WalletEvent::HoldExpired(e) => parts.drawn("back to", &e.returned)?,
        WalletEvent::OverdraftRepaid(e) => {
            e.lots
                .iter()
                .try_for_each(|draw| parts.add(format!("from {}", draw.grant), draw.amount))?;
        }
        WalletEvent::CreditsRefunded(e) => parts.returned(&e.returns, false)?,
        WalletEvent::UsageRecorded(e) => parts.drawn("from", &e.draws)?,
        WalletEvent::UsageVoided(e) => parts.returned(&e.returns, false)?,
        WalletEvent::UsageRated(e) => {
            parts.add("what it cost before".to_owned(), e.previous)?;
            parts.drawn("charged in addition from", &e.draws)?;
            parts.returned(&e.returns, true)?;
            parts.unmoved(e)?;
        }
        WalletEvent::CreditsGranted(_)
        | WalletEvent::GrantVoided(_)
        | WalletEvent::CreditsExpired(_)
        | WalletEvent::HoldExtended(_)
        | WalletEvent::OverdraftLimitSet(_)
        | WalletEvent::WalletFrozen(_)
        | WalletEvent::WalletUnfrozen(_) => {}
    }
    Ok(parts.0)
}

struct Parts(Vec<Part>);

impl Parts {
    fn add(&mut self, what: String, amount: Credits) -> Result<(), ProjectionError> {
        if !amount.is_zero() {
            self.0.push(Part { what, figures: sum([("amount", amount)])? });
        }
        Ok(())
    }

    fn drawn(&mut self, how: &str, draws: &Draws) -> Result<(), ProjectionError> {
        let mut lots = draws.lots.iter();
        lots.try_for_each(|draw| self.add(format!("{how} {}", draw.grant), draw.amount))?;
        self.add(format!("{how} overdraft"), draws.overdraft)
    }

    fn returned(&mut self, returns: &Returns, is_taken_off: bool) -> Result<(), ProjectionError> {
        let signed = |amount: Credits| if is_taken_off { amount.negated() } else { amount };
        for lot in &returns.lots {
            self.add(format!("back to {}", lot.grant), signed(lot.amount))?;
        }
        if let Some(lot) = &returns.new_lot {
            self.add(format!("as the new lot {}", lot.grant), signed(lot.amount))?;
        }
        self.add("off overdraft".to_owned(), signed(returns.overdraft))
    }

    /// U4: what refunds have returned cannot go back a second time: it is set against the next
    /// rise. Either is no more than the price changed by; anything else does not add up.
    fn unmoved(&mut self, rated: &UsageRated) -> Result<(), ProjectionError> {
        let overflow = |_| ProjectionError::Overflow { what: "an explanation" };
        let minus = |a: Credits, b: Credits| a.minus(b).map_err(overflow);
        let change = minus(rated.amount, rated.previous)?;
        let moved = minus(rated.draws.total(), rated.returns.total())?;
        let rest = minus(change, moved)?;
        if (change..Credits::ZERO).contains(&rest) {
            self.add("returned by refunds before".to_owned(), rest)
        } else if Credits::ZERO < rest && rest <= change {
            self.add("set against what refunds had returned".to_owned(), rest)
        } else {
            Ok(())
        }
    }
}
