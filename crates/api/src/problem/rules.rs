//! The codes of the domain's refusals, for the documentation.

use axum::http::StatusCode;

/// Every rule's code, with the status it is answered with and what it means.
pub(crate) const RULES: &[(&str, StatusCode, &str)] = &[
    ("unknown_tenant", StatusCode::NOT_FOUND, "There is no such tenant"),
    ("tenant_exists", StatusCode::CONFLICT, "The id is taken"),
    ("unknown_meter", StatusCode::NOT_FOUND, "There is no such meter"),
    ("meter_exists", StatusCode::CONFLICT, "The name is taken"),
    ("unknown_price_table", StatusCode::NOT_FOUND, "There is no such price table"),
    ("unknown_agent", StatusCode::NOT_FOUND, "There is no such agent"),
    ("agent_exists", StatusCode::CONFLICT, "The id is taken"),
    ("unknown_grant", StatusCode::NOT_FOUND, "There is no such grant"),
    ("unknown_hold", StatusCode::NOT_FOUND, "There is no such hold"),
    ("unknown_entry", StatusCode::NOT_FOUND, "There is no such debit, settlement or usage record"),
    (
        "amount_not_positive",
        StatusCode::UNPROCESSABLE_ENTITY,
        "An amount that must be above zero is not",
    ),
    ("priority_out_of_range", StatusCode::UNPROCESSABLE_ENTITY, "Priority is 0 to 100"),
    ("ttl_out_of_range", StatusCode::UNPROCESSABLE_ENTITY, "A time to live is 1 s to 24 h"),
    (
        "expiry_not_in_future",
        StatusCode::UNPROCESSABLE_ENTITY,
        "An expiry lies before the grant's own beginning, or in the past",
    ),
    ("too_far_back", StatusCode::UNPROCESSABLE_ENTITY, "Dated further back than the window allows"),
    ("in_the_future", StatusCode::UNPROCESSABLE_ENTITY, "Only grants may be dated ahead"),
    ("unknown_time_zone", StatusCode::UNPROCESSABLE_ENTITY, "Not an IANA time zone"),
    (
        "invalid_price",
        StatusCode::UNPROCESSABLE_ENTITY,
        "A price, a tier, a package or a markup does not make sense",
    ),
    (
        "invalid_usage",
        StatusCode::UNPROCESSABLE_ENTITY,
        "A usage record lacks what its meter counts, or has what it cannot count",
    ),
    (
        "tenant_suspended",
        StatusCode::CONFLICT,
        "The tenant is suspended: no new debits, holds and usage",
    ),
    ("tenant_not_suspended", StatusCode::CONFLICT, "It is not suspended"),
    ("tenant_already_suspended", StatusCode::CONFLICT, "It is suspended already"),
    ("wallet_frozen", StatusCode::CONFLICT, "No debits, holds or usage while frozen"),
    ("wallet_already_frozen", StatusCode::CONFLICT, "It is frozen already"),
    ("wallet_not_frozen", StatusCode::CONFLICT, "It is not frozen"),
    ("agent_retired", StatusCode::CONFLICT, "A retired agent does nothing more"),
    (
        "hold_expired",
        StatusCode::CONFLICT,
        "The hold expired; only a settlement within its grace is still taken",
    ),
    (
        "hold_ended",
        StatusCode::CONFLICT,
        "The hold ended already: settled, released, or expired long ago",
    ),
    (
        "settlement_exceeds_hold",
        StatusCode::CONFLICT,
        "By the hold's policy a larger settlement is refused",
    ),
    ("nothing_to_void", StatusCode::CONFLICT, "Nothing is left of the grant"),
    (
        "not_refundable",
        StatusCode::CONFLICT,
        "The line did not consume anything that could be returned",
    ),
    ("refund_exceeds_debit", StatusCode::CONFLICT, "More than what is left of the line"),
    ("usage_already_void", StatusCode::CONFLICT, "The usage record is void already"),
    (
        "usage_unpriceable",
        StatusCode::UNPROCESSABLE_ENTITY,
        "No price is known, and the meter's policy is to refuse",
    ),
    ("period_closed", StatusCode::CONFLICT, "The period was closed before"),
    ("period_not_over", StatusCode::UNPROCESSABLE_ENTITY, "A period is closed when it is over"),
    ("period_out_of_order", StatusCode::CONFLICT, "Periods tile time"),
    ("nothing_to_erase", StatusCode::CONFLICT, "The subject has no key that could be destroyed"),
    (
        "amount_out_of_range",
        StatusCode::UNPROCESSABLE_ENTITY,
        "A sum that this leads to would pass 10^12 credits",
    ),
    ("insufficient_credits", StatusCode::PAYMENT_REQUIRED, "Not enough is available"),
];

/// What the code of a rule means.
pub(super) fn title(code: &str) -> &'static str {
    RULES
        .iter()
        .find(|(name, _, _)| *name == code)
        .map_or("A rule refused the command", |(_, _, title)| title)
}

#[cfg(test)]
mod tests {
    use quipu_domain::Refusal;

    use super::*;

    #[test]
    fn every_code_of_the_domain_is_documented() {
        let documented: Vec<&str> = RULES.iter().map(|(code, _, _)| *code).collect();
        assert_eq!(documented, Refusal::CODES);
    }
}
