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

/// Declares each refusal's code and kind once, in the order of precedence.
macro_rules! codes {
    ($($refusal:ident = $code:literal, $kind:ident;)+) => {
        impl Refusal {
            /// Every code with its kind, in the order of precedence.
            pub const CODES: &[(&'static str, RefusalKind)] =
                &[$(($code, RefusalKind::$kind),)+];

            /// The stable code.
            #[must_use]
            pub const fn code(&self) -> &'static str {
                match self {
                    $(Refusal::$refusal { .. } => $code,)+
                }
            }

            /// What kind of refusal it is.
            #[must_use]
            pub const fn kind(&self) -> RefusalKind {
                match self {
                    $(Refusal::$refusal { .. } => RefusalKind::$kind,)+
                }
            }
        }
    };
}

codes! {
    UnknownTenant = "unknown_tenant", NotFound;
    TenantExists = "tenant_exists", Conflict;
    UnknownMeter = "unknown_meter", NotFound;
    MeterExists = "meter_exists", Conflict;
    UnknownPriceTable = "unknown_price_table", NotFound;
    UnknownAgent = "unknown_agent", NotFound;
    AgentExists = "agent_exists", Conflict;
    UnknownGrant = "unknown_grant", NotFound;
    UnknownHold = "unknown_hold", NotFound;
    UnknownEntry = "unknown_entry", NotFound;
    AmountNotPositive = "amount_not_positive", Invalid;
    PriorityOutOfRange = "priority_out_of_range", Invalid;
    TtlOutOfRange = "ttl_out_of_range", Invalid;
    ExpiryNotInFuture = "expiry_not_in_future", Invalid;
    TooFarBack = "too_far_back", Invalid;
    InTheFuture = "in_the_future", Invalid;
    UnknownTimeZone = "unknown_time_zone", Invalid;
    InvalidPrice = "invalid_price", Invalid;
    InvalidUsage = "invalid_usage", Invalid;
    TenantSuspended = "tenant_suspended", Conflict;
    TenantNotSuspended = "tenant_not_suspended", Conflict;
    TenantAlreadySuspended = "tenant_already_suspended", Conflict;
    WalletFrozen = "wallet_frozen", Conflict;
    WalletAlreadyFrozen = "wallet_already_frozen", Conflict;
    WalletNotFrozen = "wallet_not_frozen", Conflict;
    AgentRetired = "agent_retired", Conflict;
    HoldExpired = "hold_expired", Conflict;
    HoldEnded = "hold_ended", Conflict;
    SettlementExceedsHold = "settlement_exceeds_hold", Conflict;
    NothingToVoid = "nothing_to_void", Conflict;
    NotRefundable = "not_refundable", Conflict;
    RefundExceedsDebit = "refund_exceeds_debit", Conflict;
    UsageAlreadyVoid = "usage_already_void", Conflict;
    UsageUnpriceable = "usage_unpriceable", Invalid;
    PeriodClosed = "period_closed", Conflict;
    PeriodNotOver = "period_not_over", Invalid;
    PeriodOutOfOrder = "period_out_of_order", Conflict;
    NothingToErase = "nothing_to_erase", Conflict;
    AmountOutOfRange = "amount_out_of_range", Invalid;
    InsufficientCredits = "insufficient_credits", Insufficient;
}
