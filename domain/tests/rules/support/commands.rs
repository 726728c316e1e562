//! Commands with everything plain but what a test is about.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::{Debit, Grant, PlaceHold};
use quipu_domain::wallet::event::{Attribution, GrantKind, Origin, Overage, Usage};
use quipu_domain::{EntryId, GrantId, HoldId, Position};

use super::{NOON, after, credits, text};

pub(crate) fn some_grant(amount: &str) -> Grant {
    Grant {
        amount: credits(amount),
        kind: GrantKind::Paid,
        priority: 50,
        effective_at: None,
        expires_at: None,
        scope: Vec::new(),
        origin: Origin::Purchase,
        unit_cost: None,
        source: None,
    }
}

pub(crate) fn grant(amount: &str) -> WalletCommand {
    WalletCommand::Grant(some_grant(amount))
}

/// A grant that expires so many seconds after noon.
pub(crate) fn expiring(amount: &str, expires: i64) -> WalletCommand {
    WalletCommand::Grant(Grant { expires_at: Some(after(expires)), ..some_grant(amount) })
}

pub(crate) fn scoped(amount: &str, meter: &str) -> WalletCommand {
    WalletCommand::Grant(Grant { scope: vec![text(meter)], ..some_grant(amount) })
}

pub(crate) fn some_debit(amount: &str) -> Debit {
    Debit {
        amount: credits(amount),
        meter: None,
        effective_at: None,
        attribution: Attribution::default(),
        reason: None,
    }
}

pub(crate) fn debit(amount: &str) -> WalletCommand {
    WalletCommand::Debit(some_debit(amount))
}

pub(crate) fn debit_for(amount: &str, meter: &str) -> WalletCommand {
    WalletCommand::Debit(Debit { meter: Some(text(meter)), ..some_debit(amount) })
}

pub(crate) fn some_hold(amount: &str) -> PlaceHold {
    PlaceHold {
        amount: credits(amount),
        ttl_seconds: None,
        meter: None,
        overage: Overage::Overflow,
        attribution: Attribution::default(),
    }
}

pub(crate) fn hold(amount: &str) -> WalletCommand {
    WalletCommand::PlaceHold(some_hold(amount))
}

pub(crate) fn hold_with(amount: &str, overage: Overage) -> WalletCommand {
    WalletCommand::PlaceHold(PlaceHold { overage, ..some_hold(amount) })
}

pub(crate) fn settle(hold: u64, amount: &str) -> WalletCommand {
    WalletCommand::SettleHold { hold: HoldId(Position(hold)), amount: credits(amount) }
}

pub(crate) fn release(hold: u64) -> WalletCommand {
    WalletCommand::ReleaseHold { hold: HoldId(Position(hold)), reason: None }
}

pub(crate) fn extend(hold: u64, ttl_seconds: i64) -> WalletCommand {
    let ttl_seconds = Some(ttl_seconds);
    WalletCommand::ExtendHold { hold: HoldId(Position(hold)), ttl_seconds }
}

pub(crate) fn refund(entry: u64, amount: Option<&str>) -> WalletCommand {
    WalletCommand::Refund {
        entry: EntryId(Position(entry)),
        amount: amount.map(credits),
        expires_at: None,
        reason: None,
    }
}

pub(crate) fn void(grant: u64) -> WalletCommand {
    WalletCommand::VoidGrant { grant: GrantId(Position(grant)), reason: text("a mistake") }
}

pub(crate) fn limit(limit: &str) -> WalletCommand {
    WalletCommand::SetOverdraftLimit { limit: credits(limit), reason: None }
}

pub(crate) fn freeze() -> WalletCommand {
    WalletCommand::Freeze { reason: text("under review") }
}

pub(crate) fn some_usage(meter: &str, quantity: &str) -> Usage {
    Usage {
        meter: text(meter),
        quantity: Some(text(quantity)),
        tokens: None,
        value: None,
        attribution: Attribution::default(),
        occurred_at: text(NOON),
        source: text("test"),
        id: text("1"),
    }
}

pub(crate) fn usage(meter: &str, quantity: &str) -> WalletCommand {
    WalletCommand::RecordUsage(some_usage(meter, quantity))
}

pub(crate) fn void_usage(entry: u64) -> WalletCommand {
    WalletCommand::VoidUsage { entry: EntryId(Position(entry)), reason: text("a mistake") }
}

pub(crate) fn rate_usage(entry: u64) -> WalletCommand {
    WalletCommand::RateUsage { entry: EntryId(Position(entry)), reason: text("a new price") }
}
