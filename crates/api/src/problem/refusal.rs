//! A refusal of the domain as a problem: its code, its numbers, and what to do about it.

use quipu_domain::Refusal;

use super::{Code, Problem};

/// The problem that a refusal is answered with.
pub(crate) fn from_refusal(refusal: &Refusal) -> Problem {
    let code = Code::Refused(refusal.code(), refusal.kind());
    let problem = Problem::new(code, refusal.to_string(), hint(refusal));
    members(refusal, problem)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        from_refusal(&refusal)
    }
}

fn hint(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownTenant { .. } => "list the tenants with GET /v1/tenants",
        Refusal::TenantExists { .. } | Refusal::AgentExists { .. } => "choose another id",
        Refusal::UnknownMeter { .. } => "list the meters with GET /v1/meters, or define it there",
        Refusal::MeterExists { .. } => "choose another name, or set a price for the one there is",
        Refusal::UnknownPriceTable { .. } => {
            "list the tables with GET /v1/price-tables, or publish its prices first"
        }
        Refusal::UnknownAgent { .. } => {
            "list the agents with GET /v1/tenants/{tenant}/agents, or register it there"
        }
        Refusal::UnknownGrant { .. } => "list the lots with GET /v1/tenants/{tenant}/lots",
        Refusal::UnknownHold { .. } => "list open holds with GET /v1/tenants/{tenant}/holds",
        Refusal::UnknownEntry { .. } => "list the entries with GET /v1/tenants/{tenant}/entries",
        Refusal::AmountNotPositive => "write an amount above zero, such as \"12.5\"",
        Refusal::AmountOutOfRange => "stay within 1000000000000 credits in amounts and sums",
        Refusal::PriorityOutOfRange { .. } => "write a priority from 0 (burns first) to 100",
        Refusal::TtlOutOfRange { .. } => "write a ttl_seconds that is within the bounds",
        Refusal::ExpiryNotInFuture { .. } => "write a later expires_at, or leave it out",
        Refusal::TooFarBack { .. } => {
            "write a later time, or leave it out to mean now; what old usage cost can be refunded"
        }
        Refusal::InTheFuture { .. } => {
            "write a time that has passed; only grants may be dated ahead"
        }
        Refusal::UnknownTimeZone { .. } => "write a name such as \"Europe/Stockholm\" or \"UTC\"",
        Refusal::InvalidPrice { .. } => "correct the price as the detail says",
        Refusal::InvalidUsage { .. } => "send what the meter counts; see GET /v1/meters",
        Refusal::TenantSuspended { .. } => {
            "reactivate the tenant first; what is held can still be settled or released"
        }
        Refusal::TenantNotSuspended
        | Refusal::TenantAlreadySuspended
        | Refusal::WalletAlreadyFrozen
        | Refusal::WalletNotFrozen
        | Refusal::UsageAlreadyVoid { .. } => "nothing is left to do",
        Refusal::WalletFrozen { .. } => {
            "unfreeze the wallet first; settle, release and refund still work"
        }
        Refusal::AgentRetired { .. } => "use another agent",
        Refusal::HoldExpired { settle_until: Some(_), .. } => {
            "settle the hold for work that was done; otherwise nothing is left to do"
        }
        Refusal::HoldExpired { settle_until: None, .. } => "record the work as a debit",
        Refusal::HoldEnded { .. } => "look the hold up in the entries; a hold ends once",
        Refusal::SettlementExceedsHold { .. } => {
            "settle at most what is held, and record the rest as a debit"
        }
        Refusal::NothingToVoid { .. } => {
            "look the lot up with GET /v1/tenants/{tenant}/grants; it is used up, or void already"
        }
        Refusal::NotRefundable { .. } => "name a debit, a settlement or a usage record",
        Refusal::RefundExceedsDebit { refundable, .. } if refundable.is_zero() => {
            "nothing is left to do"
        }
        Refusal::RefundExceedsDebit { .. } => "refund at most what is left of the entry",
        Refusal::NothingToErase { .. } => {
            "nothing is left to do: nothing is sealed for it, or it was erased already"
        }
        Refusal::UsageUnpriceable { .. } => {
            "publish a price that holds at occurred_at, and send the record again"
        }
        Refusal::PeriodClosed { .. } => "nothing is left to do; see GET /v1/periods",
        Refusal::PeriodNotOver { .. } => "close it when it is over",
        Refusal::PeriodOutOfOrder { .. } => "close the period that begins there first",
        Refusal::InsufficientCredits { overdraft, overdraft_limit, .. }
            if overdraft > overdraft_limit =>
        {
            "grant credits without a scope, or raise the overdraft limit: what is owed beyond the limit comes first, and credits with a scope do not repay it"
        }
        Refusal::InsufficientCredits { held, .. } if held.is_zero() => {
            "grant credits, or raise the overdraft limit"
        }
        Refusal::InsufficientCredits { .. } => {
            "grant credits, raise the overdraft limit, or wait until a hold ends"
        }
    }
}

/// The numbers and names of a refusal, so that a program need not parse its text.
fn members(refusal: &Refusal, problem: Problem) -> Problem {
    match refusal {
        Refusal::UnknownTenant { tenant } | Refusal::TenantExists { tenant } => {
            problem.with("tenant", tenant)
        }
        Refusal::UnknownMeter { meter } | Refusal::MeterExists { meter } => {
            problem.with("meter", meter)
        }
        Refusal::NothingToErase { subject } => problem.with("subject", subject),
        Refusal::UnknownPriceTable { table } => problem.with("table", table),
        Refusal::UnknownAgent { agent }
        | Refusal::AgentExists { agent }
        | Refusal::AgentRetired { agent } => problem.with("agent", agent),
        Refusal::UnknownGrant { grant } | Refusal::NothingToVoid { grant } => {
            problem.with("grant", grant)
        }
        Refusal::UnknownHold { hold } | Refusal::HoldEnded { hold } => problem.with("hold", hold),
        Refusal::UnknownEntry { entry }
        | Refusal::NotRefundable { entry }
        | Refusal::UsageAlreadyVoid { entry } => problem.with("entry", entry),
        Refusal::PriorityOutOfRange { priority } => problem.with("priority", priority),
        Refusal::TtlOutOfRange { ttl_seconds, most } => {
            problem.with("ttl_seconds", ttl_seconds).with("most_seconds", most)
        }
        Refusal::ExpiryNotInFuture { expires_at, after } => {
            problem.with("expires_at", expires_at).with("after", after)
        }
        Refusal::TooFarBack { at, earliest } => problem.with("at", at).with("earliest", earliest),
        Refusal::InTheFuture { at } => problem.with("at", at),
        Refusal::UnknownTimeZone { time_zone } => problem.with("time_zone", time_zone),
        Refusal::InvalidUsage { meter, .. } => problem.with("meter", meter),
        Refusal::TenantSuspended { reason } | Refusal::WalletFrozen { reason } => {
            problem.with("reason", reason)
        }
        Refusal::HoldExpired { hold, expired_at, settle_until } => problem
            .with("hold", hold)
            .with("expired_at", expired_at)
            .with("settle_until", settle_until),
        Refusal::SettlementExceedsHold { needed, held } => {
            problem.with("needed", needed).with("held", held)
        }
        Refusal::RefundExceedsDebit { entry, needed, refundable } => {
            problem.with("entry", entry).with("needed", needed).with("refundable", refundable)
        }
        Refusal::PeriodClosed { period, known_at } => {
            problem.with("period", period).with("known_at", known_at)
        }
        Refusal::PeriodNotOver { period, to } => problem.with("period", period).with("to", to),
        Refusal::PeriodOutOfOrder { period, expected } => {
            problem.with("period", period).with("expected", expected)
        }
        Refusal::InsufficientCredits {
            needed,
            spendable,
            available,
            held,
            overdraft,
            overdraft_limit,
            next_grant_at,
        } => problem
            .with("needed", needed)
            .with("spendable", spendable)
            .with("available", available)
            .with("held", held)
            .with("overdraft", overdraft)
            .with("overdraft_limit", overdraft_limit)
            .with("next_grant_at", next_grant_at),
        Refusal::AmountNotPositive
        | Refusal::AmountOutOfRange
        | Refusal::InvalidPrice { .. }
        | Refusal::TenantNotSuspended
        | Refusal::TenantAlreadySuspended
        | Refusal::WalletAlreadyFrozen
        | Refusal::WalletNotFrozen
        | Refusal::UsageUnpriceable { .. } => problem,
    }
}
