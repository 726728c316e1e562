//! Periods: stretches of time whose trial balance is sealed when they are over (C1, C2).

mod name;
mod parts;
mod state;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::{Label, Position, Timestamp};

pub use name::PeriodName;
pub use parts::MOST_BYTES_IN_EVENT;
pub use state::Periods;

events! {
    /// What can happen to periods.
    PeriodEvent {
        /// Some of what a period ended with, where one event has no room for all of it (C2).
        BalancesSealed = 1,
        /// A period is over, and this is what it ended with (C2).
        PeriodClosed = 1,
    }
}

impl PeriodEvent {
    /// The accounts that it seals.
    #[must_use]
    pub fn balances(&self) -> &[SealedBalance] {
        match self {
            PeriodEvent::BalancesSealed(part) => &part.balances,
            PeriodEvent::PeriodClosed(closed) => &closed.balances,
        }
    }
}

/// Some of what a period ended with: the first accounts by name, or those after the part before it.
/// The period is closed by a `PeriodClosed` in the same commit, which has the last of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalancesSealed {
    /// Which.
    pub period: PeriodName,
    /// Accounts over all tenants, by name.
    pub balances: Vec<SealedBalance>,
}

/// A period is over, and this is what it ended with. The balances say what was known at a
/// position; whatever is recorded later and counts in the period is `late` in the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeriodClosed {
    /// Which.
    pub period: PeriodName,
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
    /// The last event that was taken into account.
    pub known_at: Position,
    /// The journal's root there: 64 hex digits.
    pub root: Label,
    /// The accounts over all tenants, by name; those after the parts, where there are any.
    pub balances: Vec<SealedBalance>,
}

/// An account in a sealed trial balance: opening, late and movement make closing. Decimals of six
/// places; over all tenants they can be larger than any amount of credits (M3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedBalance {
    /// Its name, such as `consumed/llm_tokens`.
    pub account: Label,
    /// What the period before closed with; in the first one, what moved it before the period.
    pub opening: Decimal,
    /// What was recorded after the period before was closed, and counts before this one.
    pub late: Decimal,
    /// What moved it in this period.
    pub movement: Decimal,
    /// What it held when the period was over.
    pub closing: Decimal,
}

/// What can be asked of periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeriodCommand {
    /// Seal one.
    Close(ClosePeriod),
}

/// Seals a period with what the books say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosePeriod {
    /// Which.
    pub period: PeriodName,
    /// The book's time before anything was read: a period that ends later was not over.
    pub read_from: Timestamp,
    /// The last event that was taken into account.
    pub known_at: Position,
    /// The journal's root there.
    pub root: Label,
    /// What the books say of each account, as known there.
    pub balances: Vec<BookedBalance>,
}

/// What the books say of an account, over all tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedBalance {
    /// Its name.
    pub account: Label,
    /// What moved it before the period.
    pub before: Decimal,
    /// What moved it until the end of the period.
    pub closing: Decimal,
}
