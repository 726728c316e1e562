//! What several projections need to know about an event that moves credits.

use std::str::FromStr;

use quipu_domain::postings::{self, Account, Posting};
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Draws, Returns};
use quipu_domain::{Credits, Event, Recorded, Stream, TenantId};

use crate::ProjectionError;

/// Whose the event is; an error for an event that must be somebody's and is nobody's.
pub(crate) fn tenant_of(event: &Recorded) -> Result<&TenantId, ProjectionError> {
    event.tenant.as_ref().ok_or_else(|| {
        ProjectionError::Inconsistent(format!("{} names no tenant", event.event.type_name()))
    })
}

/// What the last part of a stream's name names.
pub(crate) fn name_in<T: FromStr>(stream: &Stream) -> Result<T, ProjectionError> {
    let name = stream.as_str().rsplit('/').next().unwrap_or_default();
    let malformed = |_| ProjectionError::Inconsistent(format!("{stream} names nothing"));
    name.parse().map_err(malformed)
}

/// The wallet event and its tenant, if that is what the event is.
pub fn wallet_event(
    event: &Recorded,
) -> Result<Option<(&TenantId, &WalletEvent)>, ProjectionError> {
    match &event.event {
        Event::Wallet(wallet) => Ok(Some((tenant_of(event)?, wallet))),
        _ => Ok(None),
    }
}

/// What an event adds to a tenant's own three accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deltas {
    pub(crate) available: Credits,
    pub(crate) held: Credits,
    pub(crate) overdraft: Credits,
}

impl Deltas {
    pub(crate) fn of(postings: &[Posting]) -> Deltas {
        let mut deltas = Deltas::default();
        for posting in postings {
            match posting.account {
                Account::Available => deltas.available = posting.amount,
                Account::Held => deltas.held = posting.amount,
                Account::Overdraft => deltas.overdraft = posting.amount,
                _ => {}
            }
        }
        deltas
    }

    pub(crate) fn plus(self, other: Deltas) -> Result<Deltas, ProjectionError> {
        let sum = |left: Credits, right, what| {
            left.plus(right).map_err(|_| ProjectionError::Overflow { what })
        };
        Ok(Deltas {
            available: sum(self.available, other.available, "available")?,
            held: sum(self.held, other.held, "held")?,
            overdraft: sum(self.overdraft, other.overdraft, "overdraft")?,
        })
    }
}

/// The event's postings. An event whose parts do not add up to an amount (M3) is an error here,
/// because the domain takes for granted that none was ever recorded.
pub fn postings_of(event: &WalletEvent) -> Result<Vec<Posting>, ProjectionError> {
    check_parts(event)?;
    Ok(postings::of(event))
}

fn check_parts(event: &WalletEvent) -> Result<(), ProjectionError> {
    let mut parts = Parts(Credits::ZERO);
    match event {
        WalletEvent::CreditsDebited(e) => parts.drawn(&e.draws),
        WalletEvent::HoldPlaced(e) => parts.drawn(&e.draws),
        WalletEvent::HoldSettled(e) => parts
            .drawn(&e.from_hold)
            .and_then(|()| parts.drawn(&e.from_available))
            .and_then(|()| parts.drawn(&e.returned)),
        WalletEvent::HoldReleased(e) => parts.drawn(&e.returned),
        WalletEvent::HoldExpired(e) => parts.drawn(&e.returned),
        WalletEvent::CreditsRefunded(e) => parts.returned(&e.returns),
        WalletEvent::UsageRecorded(e) => parts.drawn(&e.draws),
        WalletEvent::UsageVoided(e) => parts.returned(&e.returns),
        WalletEvent::UsageRated(e) => {
            parts.drawn(&e.draws).and_then(|()| parts.returned(&e.returns))
        }
        WalletEvent::CreditsGranted(_)
        | WalletEvent::GrantVoided(_)
        | WalletEvent::CreditsExpired(_)
        | WalletEvent::HoldExtended(_)
        | WalletEvent::OverdraftRepaid(_)
        | WalletEvent::OverdraftLimitSet(_)
        | WalletEvent::WalletFrozen(_)
        | WalletEvent::WalletUnfrozen(_) => Ok(()),
    }
}

/// Adds up what an event draws and returns.
struct Parts(Credits);

impl Parts {
    fn drawn(&mut self, draws: &Draws) -> Result<(), ProjectionError> {
        draws.lots.iter().try_for_each(|draw| self.add(draw.amount))?;
        self.add(draws.overdraft)
    }

    fn returned(&mut self, returns: &Returns) -> Result<(), ProjectionError> {
        returns.lots.iter().chain(&returns.new_lot).try_for_each(|lot| self.add(lot.amount))?;
        self.add(returns.overdraft)
    }

    fn add(&mut self, part: Credits) -> Result<(), ProjectionError> {
        if part < Credits::ZERO {
            return Err(ProjectionError::Inconsistent("a part of the event is below zero".into()));
        }
        let sum = self.0.plus(part);
        self.0 = sum.map_err(|_| ProjectionError::Overflow { what: "the event's parts" })?;
        Ok(())
    }
}
