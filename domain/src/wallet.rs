//! The wallet: a tenant's lots, holds, overdraft and usage, decided together (rules W and U).

mod apply;
mod balance;
pub mod command;
mod context;
mod dated;
mod decide;
mod due;
mod entry;
pub mod event;
mod funds;
mod holds;
mod line;
mod lot;
mod lots;
mod tally;

pub use balance::Balance;
pub use command::WalletCommand;
pub use context::{Needs, Original, WalletContext, WalletServices};
pub use dated::Dated;
pub use event::WalletEvent;
pub use holds::{ExpiredHold, Hold};
pub use lot::Lot;

use serde::{Deserialize, Serialize};

use self::funds::Funds;
use self::holds::Holds;
use self::line::Lines;
use self::tally::Tallies;
use crate::Personal;

/// A tenant's credits: what it may spend, what is reserved, what it owes, and what of its past
/// a decision can still need. Bounded: what is used up leaves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Wallet {
    funds: Funds,
    holds: Holds,
    lines: Lines,
    tallies: Tallies,
    freeze: Option<Personal>,
}

impl Wallet {
    /// Names the shape a snapshot has, and what is folded into it; another one gets another name.
    pub const SCHEMA: &str = "wallet/4";

    /// Lots that hold anything, in burn order.
    pub fn lots(&self) -> impl Iterator<Item = &Lot> {
        self.funds.lots.in_burn_order()
    }

    /// Open holds, oldest first.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.open()
    }
}
