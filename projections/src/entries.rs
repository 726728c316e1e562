//! A tenant's statement: what moved its credits, from which lots, who and why, and what was left?

mod line;

use std::sync::Arc;

use quipu_domain::{Credits, Label, MeterName, Position, Recorded, TenantId, Timestamp};

use crate::movement::Deltas;
use crate::table::table;
use crate::{Projection, ProjectionError, Rows, movement};

table! {
    /// One line of a statement: a wallet event that moved credits, or recorded usage.
    appended Entry in "entry"
    key EntryKey {
        /// Whose.
        tenant: TenantId,
        /// The event.
        position: Position,
    }
    columns {
        /// Its type.
        event_type: Arc<str>,
        /// When it counts (M5).
        effective_at: Timestamp,
        /// When the journal took it.
        recorded_at: Timestamp,
        /// What it added to the available account.
        available_delta: Credits,
        /// What it added to the held account.
        held_delta: Credits,
        /// What it added to the overdraft account.
        overdraft_delta: Credits,
        /// The available account after it.
        available_after: Credits,
        /// The held account after it.
        held_after: Credits,
        /// The overdraft account after it: zero or below.
        overdraft_after: Credits,
        /// The amount that the event is about.
        amount: Credits,
        /// What for.
        meter: Option<MeterName>,
        /// The agent.
        agent: Option<Label>,
        /// The run, meeting or job.
        run: Option<Label>,
        /// The model.
        model: Option<Label>,
        /// The customer's own dimensions: a JSON object.
        dimensions: Option<Arc<str>>,
        /// The lots that were drawn or got something back: a JSON object.
        draws: Option<Arc<str>>,
        /// What it is about: `grant_1`, `hold_2`, `entry_3`.
        reference: Option<Arc<str>>,
        /// Which price was applied to usage; absent where there was none.
        price: Option<Label>,
        /// Who reported usage, or what a grant refers to outside.
        source: Option<Label>,
        /// The reporter's id for it.
        source_id: Option<Label>,
        /// Why.
        reason: Option<Label>,
        /// Who.
        actor: Label,
        /// The idempotency key.
        command: Option<Label>,
        /// The request.
        correlation: Option<Label>,
    }
}

table! {
    /// A tenant's book balances after its last entry: where the next one goes on.
    updated EntryBalance in "entry_balance"
    key EntryBalanceKey {
        /// Whose.
        tenant: TenantId,
    }
    columns {
        /// The available account.
        available: Credits,
        /// The held account.
        held: Credits,
        /// The overdraft account.
        overdraft: Credits,
    }
}

/// What moved a tenant's credits, from which lots, who and why, and what was left?
#[derive(Clone, Copy, Debug)]
pub struct Entries;

impl Projection for Entries {
    fn name(&self) -> &'static str {
        "entries"
    }

    fn version(&self) -> u32 {
        1
    }

    fn question(&self) -> &'static str {
        "What moved a tenant's credits, from which lots, who and why, and what was left?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<Entry>().with::<EntryBalance>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        if let Ok(Some((tenant, _))) = movement::wallet_event(event) {
            rows.want::<EntryBalance>(EntryBalanceKey { tenant: tenant.clone() });
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Some((tenant, wallet)) = movement::wallet_event(event)? else { return Ok(()) };
        let Some(details) = line::details_of(wallet) else { return Ok(()) };
        let deltas = Deltas::of(&movement::postings_of(wallet)?);
        let key = EntryBalanceKey { tenant: tenant.clone() };
        let balance = rows.edit_or::<EntryBalance>(&key, || EntryBalance {
            tenant: tenant.clone(),
            available: Credits::ZERO,
            held: Credits::ZERO,
            overdraft: Credits::ZERO,
        })?;
        let before = Deltas {
            available: balance.available,
            held: balance.held,
            overdraft: balance.overdraft,
        };
        let after = before.plus(deltas)?;
        balance.available = after.available;
        balance.held = after.held;
        balance.overdraft = after.overdraft;
        rows.append(details.into_entry(tenant, event, deltas, after));
        Ok(())
    }
}
