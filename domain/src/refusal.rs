//! Every way a command can be refused: a named rule with a code that never changes.

mod code;

pub use code::RefusalKind;

use serde::{Deserialize, Serialize};

use crate::period::PeriodName;
use crate::{
    AgentId, Credits, EntryId, GrantId, HoldId, Label, MeterName, Personal, Position,
    PriceTableName, TenantId, Timestamp,
};

/// Why a command was refused. It left no event, and did not use up its idempotency key (J4).
///
/// The order of the variants is the order of precedence: where two rules refuse a command, the
/// one that stands first here answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// There is no such tenant.
    #[error("there is no tenant {tenant}")]
    UnknownTenant {
        /// Who was asked for.
        tenant: TenantId,
    },
    /// The id is taken.
    #[error("a tenant {tenant} exists already")]
    TenantExists {
        /// The id.
        tenant: TenantId,
    },
    /// There is no such meter.
    #[error("there is no meter {meter}")]
    UnknownMeter {
        /// Its name.
        meter: MeterName,
    },
    /// The name is taken.
    #[error("a meter {meter} exists already")]
    MeterExists {
        /// Its name.
        meter: MeterName,
    },
    /// There is no such price table.
    #[error("there is no price table {table}")]
    UnknownPriceTable {
        /// Its name.
        table: PriceTableName,
    },
    /// There is no such agent.
    #[error("there is no agent {agent}")]
    UnknownAgent {
        /// Its id.
        agent: AgentId,
    },
    /// The id is taken.
    #[error("an agent {agent} exists already")]
    AgentExists {
        /// Its id.
        agent: AgentId,
    },
    /// There is no such grant.
    #[error("there is no {grant}")]
    UnknownGrant {
        /// The id.
        grant: GrantId,
    },
    /// There is no such hold.
    #[error("there is no {hold}")]
    UnknownHold {
        /// The id.
        hold: HoldId,
    },
    /// There is no such debit, settlement or usage record.
    #[error("there is no {entry}")]
    UnknownEntry {
        /// The id.
        entry: EntryId,
    },

    /// An amount that must be above zero is not.
    #[error("the amount must be above zero")]
    AmountNotPositive,
    /// W1: priority is 0 to 100.
    #[error("the priority {priority} is not within 0 and 100")]
    PriorityOutOfRange {
        /// What was asked for.
        priority: u8,
    },
    /// W6: a time to live is 1 s to 24 h.
    #[error("a hold lives 1 to {most} seconds, not {ttl_seconds}")]
    TtlOutOfRange {
        /// What was asked for.
        ttl_seconds: i64,
        /// The most there is.
        most: i64,
    },
    /// An expiry lies before the grant's own beginning, or in the past.
    #[error("the expiry {expires_at} is not after {after}")]
    ExpiryNotInFuture {
        /// What was asked for.
        expires_at: Timestamp,
        /// What it must be after.
        after: Timestamp,
    },
    /// M5: dated further back than the window allows. U2: than the running totals that are kept.
    #[error("{at} is before {earliest}, the earliest that may be recorded now")]
    TooFarBack {
        /// What was asked for.
        at: Timestamp,
        /// The beginning of the window, or of the oldest period.
        earliest: Timestamp,
    },
    /// M5: only grants may be dated ahead.
    #[error("{at} is in the future")]
    InTheFuture {
        /// What was asked for.
        at: Timestamp,
    },
    /// Not an IANA time zone.
    #[error("{time_zone} is not a time zone of the IANA database, such as \"Europe/Stockholm\"")]
    UnknownTimeZone {
        /// What was asked for.
        time_zone: Label,
    },
    /// A price, a tier, a package or a markup does not make sense.
    #[error("the price is not valid: {why}")]
    InvalidPrice {
        /// What is wrong.
        why: String,
    },
    /// A usage record lacks what its meter counts, or has what it cannot count.
    #[error("the usage record does not fit meter {meter}: {why}")]
    InvalidUsage {
        /// Its meter.
        meter: MeterName,
        /// What is wrong.
        why: String,
    },

    /// The tenant is suspended: no new debits, holds and usage.
    #[error("the tenant is suspended")]
    TenantSuspended {
        /// Why.
        reason: Personal,
    },
    /// It is not suspended.
    #[error("the tenant is not suspended")]
    TenantNotSuspended,
    /// It is suspended already.
    #[error("the tenant is suspended already")]
    TenantAlreadySuspended,
    /// W13: no debits, holds or usage while frozen.
    #[error("the wallet is frozen")]
    WalletFrozen {
        /// Why.
        reason: Personal,
    },
    /// It is frozen already.
    #[error("the wallet is frozen already")]
    WalletAlreadyFrozen,
    /// It is not frozen.
    #[error("the wallet is not frozen")]
    WalletNotFrozen,
    /// A retired agent does nothing more.
    #[error("agent {agent} is retired")]
    AgentRetired {
        /// Its id.
        agent: AgentId,
    },

    /// W9: the hold expired, and can at most be settled.
    #[error("{hold} expired at {expired_at}{}", settled_until(*.settle_until))]
    HoldExpired {
        /// The hold.
        hold: HoldId,
        /// When.
        expired_at: Timestamp,
        /// Until when it can be settled, unless its grace is over.
        settle_until: Option<Timestamp>,
    },
    /// W7: the hold ended already: settled, released, or expired long ago.
    #[error("{hold} has ended")]
    HoldEnded {
        /// The hold.
        hold: HoldId,
    },
    /// W8: by the hold's policy a larger settlement is refused.
    #[error("the settlement of {needed} is more than the {held} held")]
    SettlementExceedsHold {
        /// What was asked for.
        needed: Credits,
        /// What is held.
        held: Credits,
    },
    /// W11: nothing is left of the grant.
    #[error("nothing is left of {grant} to void")]
    NothingToVoid {
        /// The grant.
        grant: GrantId,
    },
    /// W10: the line did not consume anything that could be returned.
    #[error("{entry} consumed nothing that could be returned")]
    NotRefundable {
        /// The line.
        entry: EntryId,
    },
    /// W10: more than what is left of the line.
    #[error("{}", too_much(*.entry, *.needed, *.refundable))]
    RefundExceedsDebit {
        /// The line.
        entry: EntryId,
        /// What was asked for.
        needed: Credits,
        /// What is left.
        refundable: Credits,
    },
    /// U4: the usage record is void already.
    #[error("{entry} is void already")]
    UsageAlreadyVoid {
        /// The record.
        entry: EntryId,
    },
    /// U3: no price is known, and the meter's policy is to refuse.
    #[error("the usage cannot be priced: {why}")]
    UsageUnpriceable {
        /// What is missing.
        why: String,
    },
    /// C1: the period was closed before.
    #[error("period {period} was closed before, as known at position {known_at}")]
    PeriodClosed {
        /// Which.
        period: PeriodName,
        /// The last event that was taken into account.
        known_at: Position,
    },
    /// C1: a period is closed when it is over.
    #[error("period {period} is not over before {to}")]
    PeriodNotOver {
        /// Which.
        period: PeriodName,
        /// When it is over.
        to: Timestamp,
    },
    /// C1: periods tile time.
    #[error("period {period} does not begin at {expected}, where the last closed one ended")]
    PeriodOutOfOrder {
        /// Which.
        period: PeriodName,
        /// Where the next one begins.
        expected: Timestamp,
    },
    /// P4: the subject has no key: nothing was sealed for it, or it was erased already.
    #[error("there is no key of {subject} to destroy")]
    NothingToErase {
        /// Whose data was to be erased.
        subject: TenantId,
    },
    /// M3: a sum that this leads to would pass 10^12 credits.
    #[error("a sum that this leads to is beyond 1000000000000 credits")]
    AmountOutOfRange,
    /// W4: not enough is available.
    #[error("{needed} needed, {}", there_is(*.spendable, *.available, *.overdraft, *.overdraft_limit))]
    InsufficientCredits {
        /// What was asked for.
        needed: Credits,
        /// What could be spent on this meter, with the overdraft and less what is owed.
        spendable: Credits,
        /// What could be spent on this meter, overdraft not counted.
        available: Credits,
        /// What holds have reserved.
        held: Credits,
        /// What is owed already.
        overdraft: Credits,
        /// How far the wallet may go below zero.
        overdraft_limit: Credits,
        /// When the next lot that was granted becomes effective.
        next_grant_at: Option<Timestamp>,
    },
}

/// What can be done with a hold yet.
fn settled_until(settle_until: Option<Timestamp>) -> String {
    settle_until.map_or_else(String::new, |until| {
        format!(", which gave back what it held; it can be settled until {until}")
    })
}

/// How a refund is more than what is left of its line.
fn too_much(entry: EntryId, needed: Credits, refundable: Credits) -> String {
    if refundable.is_zero() {
        return format!("all of {entry} is refunded already");
    }
    format!("the refund of {needed} is more than the {refundable} left of {entry}")
}

/// What there is to spend: what is available, unless something is owed or may be.
fn there_is(spendable: Credits, available: Credits, owed: Credits, limit: Credits) -> String {
    if spendable == available {
        return format!("{available} available");
    }
    format!("{spendable} can be spent: {available} available, {owed} owed, limit {limit}")
}
