//! What an event adds to a number.

use std::collections::HashMap;

use quipu_domain::postings::Account;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Rating, UsageRecorded};
use quipu_domain::{
    Credits, EntryId, GrantId, HoldId, Label, MeterName, Position, Recorded, Timestamp,
};

use super::{Figures, add};
use crate::balances::lot_figures;
use crate::usage::{Change, WindowUnit, window_starts};
use crate::{ProjectionError, Quantity, movement};

/// A number of one tenant.
pub enum Subject {
    /// What an account of its book comes to: `amount`. Events that count later do not belong to it.
    Account {
        /// Which.
        account: Account,
        /// Only what counts until then, inclusive (M5).
        as_of: Option<Timestamp>,
    },
    /// What became of a lot: `remaining`, `held`, `spent`, `expired`, `voided`.
    Lot(GrantId),
    /// What became of a hold: `reserved`, `charged`, `shortfall`.
    Hold(HoldId),
    /// A row of a usage report: `records`, `quantity`, tokens, `cost`, `unpriced`, `voided`.
    Usage(UsageSelection),
}

/// Which usage.
pub struct UsageSelection {
    window: (WindowUnit, Timestamp),
    time_zone: Label,
    meter: Option<MeterName>,
    agent: Option<Label>,
    model: Option<Label>,
    /// Records that belong to it: a correction counts where its record does.
    records: HashMap<Position, CountedRecord>,
}

/// What is left to take back of a record.
struct CountedRecord {
    counted: Change,
    unpriced: bool,
}

impl UsageSelection {
    /// Usage in one window of a tenant in this time zone; of one meter, agent and model, or all.
    #[must_use]
    pub fn of(
        window: (WindowUnit, Timestamp),
        time_zone: Label,
        meter: Option<MeterName>,
        agent: Option<Label>,
        model: Option<Label>,
    ) -> UsageSelection {
        UsageSelection { window, time_zone, meter, agent, model, records: HashMap::new() }
    }
}

impl Subject {
    /// What an event adds; `None` where it has nothing to do with the number.
    pub(super) fn contribution(
        &mut self,
        event: &Recorded,
    ) -> Result<Option<Figures>, ProjectionError> {
        let Some((_, wallet)) = movement::wallet_event(event)? else { return Ok(None) };
        match self {
            Subject::Account { account, as_of } => {
                if as_of.is_some_and(|as_of| event.effective_at() > as_of) {
                    return Ok(None);
                }
                let postings = movement::postings_of(wallet)?;
                let own = postings.into_iter().find(|posting| posting.account == *account);
                Ok(own.map(|posting| one("amount", posting.amount)))
            }
            Subject::Lot(grant) => lot_figures(wallet, *grant),
            Subject::Hold(hold) => hold_figures(wallet, *hold),
            Subject::Usage(selection) => selection.contribution(event, wallet),
        }
    }
}

/// One amount under a name.
pub(crate) fn one(name: &'static str, amount: Credits) -> Figures {
    Figures::from([(name, Quantity::from_micros(amount.micros()))])
}

/// Amounts under their names; each may stand there more than once.
pub(crate) fn sum(
    amounts: impl IntoIterator<Item = (&'static str, Credits)>,
) -> Result<Figures, ProjectionError> {
    let mut figures = Figures::new();
    amounts.into_iter().try_for_each(|(name, amount)| add(&mut figures, &one(name, amount)))?;
    figures.retain(|_, figure| *figure != Quantity::ZERO);
    Ok(figures)
}

fn hold_figures(event: &WalletEvent, hold: HoldId) -> Result<Option<Figures>, ProjectionError> {
    let figures = match event {
        WalletEvent::HoldPlaced(e) if e.hold == hold => sum([("reserved", e.amount)])?,
        WalletEvent::HoldExtended(e) if e.hold == hold => Figures::new(),
        WalletEvent::HoldSettled(e) if e.hold == hold => {
            movement::postings_of(event)?;
            sum([
                ("reserved", e.from_hold.total().negated()),
                ("reserved", e.returned.total().negated()),
                ("charged", e.amount),
                ("shortfall", e.shortfall),
            ])?
        }
        WalletEvent::HoldReleased(e) if e.hold == hold => sum([("reserved", e.amount.negated())])?,
        WalletEvent::HoldExpired(e) if e.hold == hold => sum([("reserved", e.amount.negated())])?,
        _ => return Ok(None),
    };
    Ok(Some(figures))
}

impl UsageSelection {
    fn contribution(
        &mut self,
        event: &Recorded,
        wallet: &WalletEvent,
    ) -> Result<Option<Figures>, ProjectionError> {
        let cost = Change::cost_of(wallet)?;
        match wallet {
            WalletEvent::UsageRecorded(e) if self.selects(e)? => {
                let unpriced = matches!(e.rating, Rating::Unpriced { .. });
                let counted = Change::recorded(e, 1)?;
                let mut figures = counted.figures();
                figures.insert("cost", Quantity::from_micros(cost));
                if unpriced {
                    figures.insert("unpriced", Quantity::from_count(1));
                }
                self.records.insert(event.position, CountedRecord { counted, unpriced });
                Ok(Some(told(figures)))
            }
            WalletEvent::UsageVoided(e) => Ok(self.correction(e.of, cost, true)),
            WalletEvent::UsageRated(e) => Ok(self.correction(e.of, cost, false)),
            _ => Ok(None),
        }
    }

    fn correction(&mut self, of: EntryId, cost: i64, voids: bool) -> Option<Figures> {
        let record = self.records.get_mut(&of.position())?;
        let mut figures = Figures::from([("cost", Quantity::from_micros(cost))]);
        if voids {
            let counted = record.counted.figures().into_iter();
            figures.extend(counted.map(|(name, figure)| (name, figure.negated())));
            figures.insert("voided", Quantity::from_count(1));
        }
        if std::mem::take(&mut record.unpriced) {
            figures.insert("unpriced", Quantity::from_count(-1));
        }
        Some(told(figures))
    }

    fn selects(&self, recorded: &UsageRecorded) -> Result<bool, ProjectionError> {
        let usage = &recorded.usage;
        let by = &usage.attribution;
        let named = self.meter.as_ref().is_none_or(|meter| *meter == usage.meter)
            && self.agent.as_ref().is_none_or(|agent| by.agent.as_ref() == Some(agent))
            && self.model.as_ref().is_none_or(|model| by.model.as_ref() == Some(model));
        Ok(named && window_starts(usage.occurred_at, &self.time_zone)?.contains(&self.window))
    }
}

/// What is zero need not be told.
fn told(mut figures: Figures) -> Figures {
    figures.retain(|_, figure| *figure != Quantity::ZERO);
    figures
}
