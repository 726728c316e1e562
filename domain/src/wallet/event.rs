//! What can happen to a wallet. Facts only: no derived balance is ever written, but which lots
//! were drawn is, because that must never be decided again (W2).

mod account;
mod draws;
mod lot;
mod usage;
mod work;

pub use account::{
    CreditsRefunded, OverdraftLimitSet, OverdraftRepaid, WalletFrozen, WalletUnfrozen,
};
pub use draws::{Draw, Draws, LotReturn, Returns};
pub use lot::{CreditsExpired, CreditsGranted, GrantKind, GrantVoided, LotTerms, Origin};
pub use usage::{
    CarriedBack, CarriedOn, Rating, Tally, Tokens, Usage, UsageRated, UsageRecorded, UsageVoided,
};
pub use work::{
    Attribution, CreditsDebited, HoldExpired, HoldExtended, HoldPlaced, HoldReleased, HoldSettled,
    Overage,
};

use crate::event::events;
use crate::personal::in_clear;
use usage::{none_begun, none_left, perhaps_carried};

events! {
    /// What can happen to a wallet.
    WalletEvent {
        /// A lot of credits came in (W1).
        CreditsGranted = 2 from { 1 => in_clear },
        /// The unused remainder of a grant was taken back (W11).
        GrantVoided = 2 from { 1 => in_clear },
        /// What was left of a lot expired (W12).
        CreditsExpired = 1,
        /// Credits were consumed (W4).
        CreditsDebited = 2 from { 1 => in_clear },
        /// Credits were reserved (W6).
        HoldPlaced = 1,
        /// A hold got more time (W9).
        HoldExtended = 1,
        /// A hold ended in a charge (W8, W9).
        HoldSettled = 1,
        /// A hold ended without a charge (W7).
        HoldReleased = 2 from { 1 => in_clear },
        /// A hold ran out of time (W7).
        HoldExpired = 1,
        /// Credits that became spendable repaid overdraft (W5).
        OverdraftRepaid = 1,
        /// How far the wallet may go below zero (W5).
        OverdraftLimitSet = 2 from { 1 => in_clear },
        /// Part of a debit, settlement or usage record was returned (W10).
        CreditsRefunded = 2 from { 1 => in_clear },
        /// No debits, holds or usage until unfrozen (W13).
        WalletFrozen = 2 from { 1 => in_clear },
        /// A freeze ended (W13).
        WalletUnfrozen = 2 from { 1 => in_clear },
        /// Usage was recorded, rated and paid for (U1, U2).
        UsageRecorded = 2 from { 1 => perhaps_carried },
        /// A mistaken usage record was taken back (U4).
        UsageVoided = 3 from { 1 => in_clear, 2 => perhaps_carried },
        /// A usage record got its price, or another one (U3, U4).
        UsageRated = 5 from {
            1 => in_clear, 2 => perhaps_carried, 3 => none_left, 4 => none_begun
        },
    }
}
