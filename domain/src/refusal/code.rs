//! The code and the kind of a refusal.

use super::Refusal;

/// What kind of refusal it is; the edge turns it into a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// What the command names is not there.
    NotFound,
    /// The command makes no sense in itself.
    Invalid,
    /// The command makes sense, but not in this state.
    Conflict,
    /// There is not enough.
    Insufficient,
}

impl Refusal {
    /// Every code, in the order of precedence.
    pub const CODES: [&'static str; 40] = [
        "unknown_tenant",
        "tenant_exists",
        "unknown_meter",
        "meter_exists",
        "unknown_price_table",
        "unknown_agent",
        "agent_exists",
        "unknown_grant",
        "unknown_hold",
        "unknown_entry",
        "amount_not_positive",
        "priority_out_of_range",
        "ttl_out_of_range",
        "expiry_not_in_future",
        "too_far_back",
        "in_the_future",
        "unknown_time_zone",
        "invalid_price",
        "invalid_usage",
        "tenant_suspended",
        "tenant_not_suspended",
        "tenant_already_suspended",
        "wallet_frozen",
        "wallet_already_frozen",
        "wallet_not_frozen",
        "agent_retired",
        "hold_expired",
        "hold_ended",
        "settlement_exceeds_hold",
        "nothing_to_void",
        "not_refundable",
        "refund_exceeds_debit",
        "usage_already_void",
        "usage_unpriceable",
        "period_closed",
        "period_not_over",
        "period_out_of_order",
        "nothing_to_erase",
        "amount_out_of_range",
        "insufficient_credits",
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::UnknownTenant { .. } => "unknown_tenant",
            Refusal::TenantExists { .. } => "tenant_exists",
            Refusal::UnknownMeter { .. } => "unknown_meter",
            Refusal::MeterExists { .. } => "meter_exists",
            Refusal::UnknownPriceTable { .. } => "unknown_price_table",
            Refusal::UnknownAgent { .. } => "unknown_agent",
            Refusal::AgentExists { .. } => "agent_exists",
            Refusal::UnknownGrant { .. } => "unknown_grant",
            Refusal::UnknownHold { .. } => "unknown_hold",
            Refusal::UnknownEntry { .. } => "unknown_entry",
            Refusal::AmountNotPositive => "amount_not_positive",
            Refusal::PriorityOutOfRange { .. } => "priority_out_of_range",
            Refusal::TtlOutOfRange { .. } => "ttl_out_of_range",
            Refusal::ExpiryNotInFuture { .. } => "expiry_not_in_future",
            Refusal::TooFarBack { .. } => "too_far_back",
            Refusal::InTheFuture { .. } => "in_the_future",
            Refusal::UnknownTimeZone { .. } => "unknown_time_zone",
            Refusal::InvalidPrice { .. } => "invalid_price",
            Refusal::InvalidUsage { .. } => "invalid_usage",
            Refusal::TenantSuspended { .. } => "tenant_suspended",
            Refusal::TenantNotSuspended => "tenant_not_suspended",
            Refusal::TenantAlreadySuspended => "tenant_already_suspended",
            Refusal::WalletFrozen { .. } => "wallet_frozen",
            Refusal::WalletAlreadyFrozen => "wallet_already_frozen",
            Refusal::WalletNotFrozen => "wallet_not_frozen",
            Refusal::AgentRetired { .. } => "agent_retired",
            Refusal::HoldExpired { .. } => "hold_expired",
            Refusal::HoldEnded { .. } => "hold_ended",
            Refusal::SettlementExceedsHold { .. } => "settlement_exceeds_hold",
            Refusal::NothingToVoid { .. } => "nothing_to_void",
            Refusal::NotRefundable { .. } => "not_refundable",
            Refusal::RefundExceedsDebit { .. } => "refund_exceeds_debit",
            Refusal::UsageAlreadyVoid { .. } => "usage_already_void",
            Refusal::UsageUnpriceable { .. } => "usage_unpriceable",
            Refusal::PeriodClosed { .. } => "period_closed",
            Refusal::PeriodNotOver { .. } => "period_not_over",
            Refusal::PeriodOutOfOrder { .. } => "period_out_of_order",
            Refusal::NothingToErase { .. } => "nothing_to_erase",
            Refusal::AmountOutOfRange => "amount_out_of_range",
            Refusal::InsufficientCredits { .. } => "insufficient_credits",
        }
    }

    /// What kind of refusal it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Refusal::UnknownTenant { .. }
            | Refusal::UnknownMeter { .. }
            | Refusal::UnknownPriceTable { .. }
            | Refusal::UnknownAgent { .. }
            | Refusal::UnknownGrant { .. }
            | Refusal::UnknownHold { .. }
            | Refusal::UnknownEntry { .. } => RefusalKind::NotFound,
            Refusal::AmountNotPositive
            | Refusal::AmountOutOfRange
            | Refusal::PriorityOutOfRange { .. }
            | Refusal::TtlOutOfRange { .. }
            | Refusal::ExpiryNotInFuture { .. }
            | Refusal::TooFarBack { .. }
            | Refusal::InTheFuture { .. }
            | Refusal::UnknownTimeZone { .. }
            | Refusal::InvalidPrice { .. }
            | Refusal::InvalidUsage { .. }
            | Refusal::PeriodNotOver { .. }
            | Refusal::UsageUnpriceable { .. } => RefusalKind::Invalid,
            Refusal::InsufficientCredits { .. } => RefusalKind::Insufficient,
            Refusal::PeriodClosed { .. }
            | Refusal::PeriodOutOfOrder { .. }
            | Refusal::TenantExists { .. }
            | Refusal::MeterExists { .. }
            | Refusal::AgentExists { .. }
            | Refusal::TenantSuspended { .. }
            | Refusal::TenantNotSuspended
            | Refusal::TenantAlreadySuspended
            | Refusal::WalletFrozen { .. }
            | Refusal::WalletAlreadyFrozen
            | Refusal::WalletNotFrozen
            | Refusal::AgentRetired { .. }
            | Refusal::HoldExpired { .. }
            | Refusal::HoldEnded { .. }
            | Refusal::SettlementExceedsHold { .. }
            | Refusal::NothingToVoid { .. }
            | Refusal::NotRefundable { .. }
            | Refusal::RefundExceedsDebit { .. }
            | Refusal::UsageAlreadyVoid { .. }
            | Refusal::NothingToErase { .. } => RefusalKind::Conflict,
        }
    }
}
