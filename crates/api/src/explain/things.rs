//! Entries, grants and holds: what each is, and what became of it.

use std::str::FromStr;

use quipu_domain::wallet::WalletEvent;
use quipu_domain::{Credits, EntryId, Event, GrantId, HoldId, Position, Recorded, Refusal};
use quipu_projections::explain::{EventAmount, Figures, Subject};
use quipu_projections::{HoldStatus, Quantity};

use super::numbers::Reading;
use super::{Draft, LEVELS_OF_ONE};
use crate::problem::{Code, Problem};

/// Something with an id, which leads to its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thing {
    Entry(EntryId),
    Grant(GrantId),
    Hold(HoldId),
    Event(Position),
}

impl FromStr for Thing {
    type Err = ();

    fn from_str(text: &str) -> Result<Thing, ()> {
        let entry = text.parse().map(Thing::Entry).ok();
        entry
            .or_else(|| text.parse().map(Thing::Grant).ok())
            .or_else(|| text.parse().map(Thing::Hold).ok())
            .or_else(|| text.parse().map(Thing::Event).ok())
            .ok_or(())
    }
}

impl Thing {
    const fn position(self) -> Position {
        match self {
            Thing::Entry(entry) => entry.position(),
            Thing::Grant(grant) => grant.position(),
            Thing::Hold(hold) => hold.position(),
            Thing::Event(position) => position,
        }
    }

    /// Reads what it is.
    pub(super) fn draft(self, reading: &Reading<'_>) -> Result<Draft, Problem> {
        let found = reading.journal.events_at(&[self.position()])?;
        let event = found.into_iter().next().ok_or_else(|| self.unknown())?;
        match self {
            Thing::Event(_) => one(reading, &event),
            Thing::Entry(_) if !EventAmount::of(&event).map_err(internal)?.is_entry => {
                Err(self.unknown())
            }
            Thing::Entry(_) => one(reading, &event),
            Thing::Grant(grant) => self.lot(grant, reading, &event),
            Thing::Hold(hold) => self.hold(hold, reading, &event),
        }
    }

    /// What came of a lot since it was made.
    fn lot(
        self,
        grant: GrantId,
        reading: &Reading<'_>,
        event: &Recorded,
    ) -> Result<Draft, Problem> {
        let tenant = event.tenant.as_ref().ok_or_else(|| self.unknown())?;
        let found = reading.views.lot(tenant, grant)?;
        let lot = found.value.ok_or_else(|| self.unknown())?;
        let left = [lot.remaining, lot.held, lot.expired, lot.voided];
        let gone = Credits::sum(left).map_err(internal)?;
        let spent = lot.amount.minus(gone).map_err(internal)?;
        Ok(Draft {
            what: format!("{grant} of {tenant}: a lot of {}", lot.amount),
            figures: figures(&[
                ("remaining", lot.remaining),
                ("held", lot.held),
                ("spent", spent),
                ("expired", lot.expired),
                ("voided", lot.voided),
            ]),
            ..reading.all_events(tenant, found.position, Subject::Lot(grant))?
        })
    }

    /// What came of a hold since it was placed.
    fn hold(self, hold: HoldId, reading: &Reading<'_>, event: &Recorded) -> Result<Draft, Problem> {
        let tenant = event.tenant.as_ref().ok_or_else(|| self.unknown())?;
        let Event::Wallet(WalletEvent::HoldPlaced(_)) = &event.event else {
            return Err(self.unknown());
        };
        let found = reading.views.hold(tenant, hold)?;
        let row = found.value.ok_or_else(|| self.unknown())?;
        let draft = reading.all_events(tenant, found.position, Subject::Hold(hold))?;
        let is_open = row.status == HoldStatus::Open;
        let figures = figures(&[
            ("reserved", if is_open { row.amount } else { Credits::ZERO }),
            ("charged", row.charged),
            ("shortfall", row.shortfall),
        ]);
        let what = format!("{hold} of {tenant}: a hold of {}", row.amount);
        Ok(Draft { what, figures, ..draft })
    }

    fn unknown(self) -> Problem {
        match self {
            Thing::Entry(entry) => Refusal::UnknownEntry { entry }.into(),
            Thing::Grant(grant) => Refusal::UnknownGrant { grant }.into(),
            Thing::Hold(hold) => Refusal::UnknownHold { hold }.into(),
            Thing::Event(position) => Problem::new(
                Code::NotFound,
                format!("there is no event {position}"),
                "name a position that the journal has",
            ),
        }
    }
}

/// One event by itself.
fn one(reading: &Reading<'_>, event: &Recorded) -> Result<Draft, Problem> {
    let EventAmount { what, figures, parts, .. } = EventAmount::of(event).map_err(internal)?;
    let own = if parts.is_empty() { figures.clone() } else { Figures::new() };
    Ok(Draft {
        what,
        figures,
        parts,
        lines: vec![(event.position, own)],
        rest: None,
        levels: LEVELS_OF_ONE,
        position: reading.views.checkpoint(),
    })
}

fn figures(amounts: &[(&'static str, Credits)]) -> Figures {
    let figure =
        |(name, amount): &(&'static str, Credits)| (*name, Quantity::from_micros(amount.micros()));
    amounts.iter().filter(|(_, amount)| !amount.is_zero()).map(figure).collect()
}

fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::internal(&error)
}
