//! What can be asked of a wallet.

use rust_decimal::Decimal;

use super::event::{Attribution, GrantKind, Origin, Overage, Usage};
use crate::{Credits, EntryId, GrantId, HoldId, MeterName, Personal, Timestamp};

/// What can be asked of a wallet.
#[derive(Clone, Debug, PartialEq)]
pub enum WalletCommand {
    /// Bring credits in (W1).
    Grant(Grant),
    /// Take the unused remainder of a grant back (W11).
    VoidGrant {
        /// The lot.
        grant: GrantId,
        /// Why.
        reason: Personal,
    },
    /// Consume credits (W4).
    Debit(Debit),
    /// Reserve credits (W6).
    PlaceHold(PlaceHold),
    /// Give a hold more time (W9): `ttl_seconds` from now.
    ExtendHold {
        /// The hold.
        hold: HoldId,
        /// Seconds from now; the default TTL where absent.
        ttl_seconds: Option<i64>,
    },
    /// End a hold in a charge (W8, W9).
    SettleHold {
        /// The hold.
        hold: HoldId,
        /// What to charge; zero returns everything.
        amount: Credits,
    },
    /// End a hold without a charge (W7).
    ReleaseHold {
        /// The hold.
        hold: HoldId,
        /// Why, for people.
        reason: Option<Personal>,
    },
    /// Return part of a debit, settlement or usage record (W10).
    Refund {
        /// The line to refund.
        entry: EntryId,
        /// How much; all that is left where absent.
        amount: Option<Credits>,
        /// New expiry for credits whose lot has expired.
        expires_at: Option<Timestamp>,
        /// Why, for people.
        reason: Option<Personal>,
    },
    /// Set how far the wallet may go below zero (W5).
    SetOverdraftLimit {
        /// The limit; zero forbids overdraft.
        limit: Credits,
        /// Why, for people.
        reason: Option<Personal>,
    },
    /// Refuse debits, holds and usage (W13).
    Freeze {
        /// Why.
        reason: Personal,
    },
    /// End a freeze (W13).
    Unfreeze {
        /// Why.
        reason: Personal,
    },
    /// Record usage, rate it and pay for it (U1-U3).
    RecordUsage(Usage),
    /// Take a mistaken usage record back (U4).
    VoidUsage {
        /// The record.
        entry: EntryId,
        /// Why.
        reason: Personal,
    },
    /// Rate a usage record by the prices that are known now for when it occurred (U3, U4).
    RateUsage {
        /// The record.
        entry: EntryId,
        /// Why.
        reason: Personal,
    },
}

/// Bring credits in (W1).
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// How much.
    pub amount: Credits,
    /// Paid for or not.
    pub kind: GrantKind,
    /// 0..=100, low burns first.
    pub priority: u8,
    /// From when; now where absent.
    pub effective_at: Option<Timestamp>,
    /// Until when; for ever where absent.
    pub expires_at: Option<Timestamp>,
    /// Meters that may burn it; all where empty.
    pub scope: Vec<MeterName>,
    /// Where the credits are issued from.
    pub origin: Origin,
    /// What one credit cost, in money, for reports.
    pub unit_cost: Option<Decimal>,
    /// What it refers to outside.
    pub source: Option<Personal>,
}

/// Consume credits (W4).
#[derive(Clone, Debug, PartialEq)]
pub struct Debit {
    /// How much.
    pub amount: Credits,
    /// What for.
    pub meter: Option<MeterName>,
    /// When it counts; now where absent (M5).
    pub effective_at: Option<Timestamp>,
    /// Who and what it is attributed to.
    pub attribution: Attribution,
    /// Why, for people.
    pub reason: Option<Personal>,
}

/// Reserve credits (W6).
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceHold {
    /// How much.
    pub amount: Credits,
    /// For how long; 900 where absent, at most 86,400.
    pub ttl_seconds: Option<i64>,
    /// What for.
    pub meter: Option<MeterName>,
    /// What a larger settlement does.
    pub overage: Overage,
    /// Who and what it is attributed to.
    pub attribution: Attribution,
}
