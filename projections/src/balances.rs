//! What can a tenant spend, what is held, what does it owe, and from which lots?

mod lot;

use quipu_domain::wallet::WalletEvent;
use quipu_domain::{Credits, Personal, Position, Recorded, TenantId, Timestamp};

pub use lot::{Lot, LotKey};
pub(crate) use lot::{figures as lot_figures, lot_changes};

use crate::movement::Deltas;
use crate::table::table;
use crate::{Projection, ProjectionError, Rows, movement};

table! {
    /// A tenant's book balances: what its three accounts sum up to (M4). What can be spent at a
    /// moment follows from the lots, because a lot past its end is unspendable before its expiry
    /// is written (W3). M3 bounds each of them.
    Balance in "balance"
    key BalanceKey {
        /// Whose.
        tenant: TenantId,
    }
    columns {
        /// In lots and not held, whether effective or not.
        available: Credits,
        /// Reserved by holds.
        held: Credits,
        /// What the tenant owes: zero or below, as the account has it.
        overdraft: Credits,
        /// How far it may go below zero (W5).
        overdraft_limit: Credits,
        /// Whether debits and holds are refused (W13).
        frozen: bool,
        /// Why, while it is.
        frozen_reason: Option<Personal>,
        /// When it last changed.
        changed_at: Timestamp,
        /// The wallet's last event.
        position: Position,
    }
}

/// What can a tenant spend, what is held, what does it owe, and from which lots?
#[derive(Clone, Copy, Debug)]
pub struct Balances;

impl Projection for Balances {
    fn name(&self) -> &'static str {
        "balances"
    }

    fn version(&self) -> u32 {
        1
    }

    fn question(&self) -> &'static str {
        "What can a tenant spend, what is held, what does it owe, and from which lots?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<Balance>().with::<Lot>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        if let Ok(Some((tenant, wallet))) = movement::wallet_event(event) {
            rows.want::<Balance>(BalanceKey { tenant: tenant.clone() });
            lot::prepare(tenant, wallet, rows);
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Some((tenant, wallet)) = movement::wallet_event(event)? else { return Ok(()) };
        lot::apply(tenant, wallet, event, rows)?;
        let key = BalanceKey { tenant: tenant.clone() };
        let row = rows.edit_or::<Balance>(&key, || Balance::new(tenant, event))?;
        let before = Deltas { available: row.available, held: row.held, overdraft: row.overdraft };
        let after = before.plus(Deltas::of(&movement::postings_of(wallet)?))?;
        row.available = after.available;
        row.held = after.held;
        row.overdraft = after.overdraft;
        row.changed_at = event.recorded_at;
        row.position = event.position;
        match wallet {
            WalletEvent::OverdraftLimitSet(set) => row.overdraft_limit = set.limit,
            WalletEvent::WalletFrozen(frozen) => {
                row.frozen = true;
                row.frozen_reason = Some(frozen.reason.clone());
            }
            WalletEvent::WalletUnfrozen(_) => {
                row.frozen = false;
                row.frozen_reason = None;
            }
            _ => {}
        }
        Ok(())
    }
}

impl Balance {
    fn new(tenant: &TenantId, event: &Recorded) -> Balance {
        Balance {
            tenant: tenant.clone(),
            available: Credits::ZERO,
            held: Credits::ZERO,
            overdraft: Credits::ZERO,
            overdraft_limit: Credits::ZERO,
            frozen: false,
            frozen_reason: None,
            changed_at: event.recorded_at,
            position: event.position,
        }
    }
}
