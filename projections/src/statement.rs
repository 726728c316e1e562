//! A tenant's statement: what moved its credits, from which lots, who and why, and what was left?

mod line;

use std::sync::Arc;

use quipu_domain::{Credits, Label, MeterName, Personal, Position, Recorded, TenantId, Timestamp};

use crate::movement::Deltas;
use crate::{BookBalance, ProjectionError, movement};

/// One line of a statement: a wallet event that moved credits, or recorded usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub tenant: TenantId,
    /// The event.
    pub position: Position,
    /// Its type.
    pub event_type: Arc<str>,
    /// When it counts (M5).
    pub effective_at: Timestamp,
    /// When the journal took it.
    pub recorded_at: Timestamp,
    /// What it added to the available account.
    pub available_delta: Credits,
    /// What it added to the held account.
    pub held_delta: Credits,
    /// What it added to the overdraft account.
    pub overdraft_delta: Credits,
    /// What the accounts hold after it: after the lines of its statement up to it, in the order of
    /// recording, which need not be that in which they count (M5).
    pub after: BookBalance,
    /// The amount that the event is about.
    pub amount: Credits,
    /// What for.
    pub meter: Option<MeterName>,
    /// The agent.
    pub agent: Option<Label>,
    /// The run, meeting or job.
    pub run: Option<Label>,
    /// The model.
    pub model: Option<Label>,
    /// The customer's own dimensions: a JSON object.
    pub dimensions: Option<Arc<str>>,
    /// The lots that were drawn or got something back: a JSON object.
    pub draws: Option<Arc<str>>,
    /// What it is about: `grant_1`, `hold_2`, `entry_3`.
    pub reference: Option<Arc<str>>,
    /// Which price was applied to usage; absent where there was none.
    pub price: Option<Label>,
    /// Who reported usage, or what a grant refers to outside.
    pub source: Option<Personal>,
    /// The reporter's id for it.
    pub source_id: Option<Label>,
    /// Why.
    pub reason: Option<Personal>,
    /// Who.
    pub actor: Label,
    /// The idempotency key.
    pub command: Option<Label>,
    /// The request.
    pub correlation: Option<Label>,
}

/// The amount that an event on the statement is about; `None` for one that moves nothing.
pub(crate) fn amount_of(event: &quipu_domain::wallet::WalletEvent) -> Option<Credits> {
    line::details_of(event).map(|details| details.amount)
}

/// Writes a statement's lines from events that follow each other: each line says what was left
/// after it. One that begins with nothing says what its lines have moved.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    balance: BookBalance,
}

impl Statement {
    /// A statement that begins with this balance.
    pub(crate) const fn from_balance(balance: BookBalance) -> Statement {
        Statement { balance }
    }

    /// What the accounts hold after the last line.
    #[must_use]
    pub const fn balance(&self) -> BookBalance {
        self.balance
    }

    /// The tenant's next event; `None` where that moved nothing.
    pub fn line(&mut self, event: &Recorded) -> Result<Option<Entry>, ProjectionError> {
        let Some((tenant, wallet)) = movement::wallet_event(event)? else { return Ok(None) };
        let Some(details) = line::details_of(wallet) else { return Ok(None) };
        let deltas = Deltas::of(&movement::postings_of(wallet)?);
        self.balance = self.balance.plus(deltas.into());
        Ok(Some(details.into_entry(tenant, event, deltas, self.balance)))
    }
}
