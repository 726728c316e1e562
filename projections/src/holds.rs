//! Which holds does a tenant have, and what became of each?

use std::sync::Arc;

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{HoldPlaced, Overage};
use quipu_domain::{Credits, HoldId, Label, MeterName, Position, Recorded, TenantId, Timestamp};

use crate::activity::LaterPositions;
use crate::cell::named_field;
use crate::json::json;
use crate::table::table;
use crate::{Projection, ProjectionError, Rows, movement};

/// Where a hold stands (W7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldStatus {
    /// It reserves credits.
    Open,
    /// It ended in a charge.
    Settled,
    /// It ended without a charge.
    Released,
    /// It ran out of time; within its grace it may still be settled (W9).
    Expired,
}

named_field!(HoldStatus {
    HoldStatus::Open = "open",
    HoldStatus::Settled = "settled",
    HoldStatus::Released = "released",
    HoldStatus::Expired = "expired",
});

named_field!(Overage {
    Overage::Overflow = "overflow",
    Overage::Cap = "cap",
    Overage::Reject = "reject",
});

table! {
    /// One hold (W6).
    Hold in "hold"
    key HoldKey {
        /// Whose.
        tenant: TenantId,
        /// The hold.
        hold_position: HoldId,
    }
    columns {
        /// What it reserved.
        amount: Credits,
        /// Where it stands.
        status: HoldStatus,
        /// When it runs out.
        expires_at: Timestamp,
        /// What a larger settlement does (W8).
        overage: Overage,
        /// What for.
        meter: Option<MeterName>,
        /// The agent.
        agent: Option<Label>,
        /// The run, meeting or job.
        run: Option<Label>,
        /// The model.
        model: Option<Label>,
        /// The lots that it pinned and the overdraft it reserved: a JSON object.
        draws: Arc<str>,
        /// What was charged.
        charged: Credits,
        /// What was asked for and not charged.
        shortfall: Credits,
        /// When it was placed.
        placed_at: Timestamp,
        /// When it ended.
        ended_at: Option<Timestamp>,
        /// The last event about it.
        last_position: Position,
        /// Where its events after the one that placed it stand.
        later_positions: LaterPositions,
        /// The last moment at which one of its events counts.
        latest_effective_at: Timestamp,
    }
}

/// Which holds does a tenant have, and what became of each?
#[derive(Clone, Copy, Debug)]
pub struct Holds;

impl Projection for Holds {
    fn name(&self) -> &'static str {
        "holds"
    }

    fn version(&self) -> u32 {
        3
    }

    fn question(&self) -> &'static str {
        "Which holds does a tenant have, and what became of each?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<Hold>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        let Ok(Some((tenant, wallet))) = movement::wallet_event(event) else { return };
        match (hold_of(wallet), wallet) {
            (Some(hold), WalletEvent::HoldPlaced(_)) => rows.want_new::<Hold>(key(tenant, hold)),
            (Some(hold), _) => rows.want::<Hold>(key(tenant, hold)),
            (None, _) => {}
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Some((tenant, wallet)) = movement::wallet_event(event)? else { return Ok(()) };
        let Some(hold) = hold_of(wallet) else { return Ok(()) };
        if let WalletEvent::HoldPlaced(placed) = wallet {
            rows.put(Hold::new(tenant, placed, event));
            return Ok(());
        }
        rows.edit::<Hold>(&key(tenant, hold))?.change(wallet, event);
        Ok(())
    }
}

impl Hold {
    /// What these of its events made of it, in order; `None` without the one that placed it.
    pub fn of_events<'a>(
        events: impl IntoIterator<Item = &'a Recorded>,
    ) -> Result<Option<Hold>, ProjectionError> {
        let mut hold = None;
        for event in events {
            let Some((tenant, wallet)) = movement::wallet_event(event)? else { continue };
            match (wallet, &mut hold) {
                (WalletEvent::HoldPlaced(placed), _) => {
                    hold = Some(Hold::new(tenant, placed, event));
                }
                (_, Some(hold)) => hold.change(wallet, event),
                (_, None) => {}
            }
        }
        Ok(hold)
    }

    /// Where its events stand, in order.
    pub fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        self.later_positions.starting_at(self.hold_position.position())
    }

    fn new(tenant: &TenantId, placed: &HoldPlaced, event: &Recorded) -> Hold {
        Hold {
            tenant: tenant.clone(),
            hold_position: placed.hold,
            amount: placed.amount,
            status: HoldStatus::Open,
            expires_at: placed.expires_at,
            overage: placed.overage,
            meter: placed.meter.clone(),
            agent: placed.attribution.agent.clone(),
            run: placed.attribution.run.clone(),
            model: placed.attribution.model.clone(),
            draws: json(&placed.draws),
            charged: Credits::ZERO,
            shortfall: Credits::ZERO,
            placed_at: event.recorded_at,
            ended_at: None,
            last_position: event.position,
            later_positions: LaterPositions::default(),
            latest_effective_at: event.effective_at(),
        }
    }

    fn change(&mut self, wallet: &WalletEvent, event: &Recorded) {
        self.later_positions.push(event.position.0.saturating_sub(self.last_position.0));
        self.last_position = event.position;
        self.latest_effective_at = self.latest_effective_at.max(event.effective_at());
        let status = match wallet {
            WalletEvent::HoldExtended(extended) => {
                self.expires_at = extended.expires_at;
                return;
            }
            WalletEvent::HoldSettled(settled) => {
                self.charged = settled.amount;
                self.shortfall = settled.shortfall;
                HoldStatus::Settled
            }
            WalletEvent::HoldReleased(_) => HoldStatus::Released,
            WalletEvent::HoldExpired(_) => HoldStatus::Expired,
            _ => return,
        };
        self.status = status;
        self.ended_at = Some(event.effective_at());
    }
}

/// The hold that an event is about.
pub(crate) fn hold_of(event: &WalletEvent) -> Option<HoldId> {
    match event {
        WalletEvent::HoldPlaced(e) => Some(e.hold),
        WalletEvent::HoldExtended(e) => Some(e.hold),
        WalletEvent::HoldSettled(e) => Some(e.hold),
        WalletEvent::HoldReleased(e) => Some(e.hold),
        WalletEvent::HoldExpired(e) => Some(e.hold),
        _ => None,
    }
}

fn key(tenant: &TenantId, hold: HoldId) -> HoldKey {
    HoldKey { tenant: tenant.clone(), hold_position: hold }
}
