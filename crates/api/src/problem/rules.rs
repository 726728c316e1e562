//! What the codes of the domain's refusals mean, for the documentation.

/// Every rule's code and what it means.
const TITLES: &[(&str, &str)] = &[
    ("unknown_tenant", "There is no such tenant"),
    ("tenant_exists", "The id is taken"),
    ("unknown_meter", "There is no such meter"),
    ("meter_exists", "The name is taken"),
    ("unknown_price_table", "There is no such price table"),
    ("unknown_agent", "There is no such agent"),
    ("agent_exists", "The id is taken"),
    ("unknown_grant", "There is no such grant"),
    ("unknown_hold", "There is no such hold"),
    ("unknown_entry", "There is no such debit, settlement or usage record"),
    ("amount_not_positive", "An amount that must be above zero is not"),
    ("priority_out_of_range", "Priority is 0 to 100"),
    ("ttl_out_of_range", "A time to live is 1 s to 24 h"),
    ("expiry_not_in_future", "An expiry lies before the grant's own beginning, or in the past"),
    ("too_far_back", "Dated further back than the window allows"),
    ("in_the_future", "Only grants may be dated ahead"),
    ("unknown_time_zone", "Not an IANA time zone"),
    ("invalid_price", "A price, a tier, a package or a markup does not make sense"),
    ("invalid_usage", "A usage record lacks what its meter counts, or has what it cannot count"),
    ("tenant_suspended", "The tenant is suspended: no new debits, holds and usage"),
    ("tenant_not_suspended", "It is not suspended"),
    ("tenant_already_suspended", "It is suspended already"),
    ("wallet_frozen", "No debits, holds or usage while frozen"),
    ("wallet_already_frozen", "It is frozen already"),
    ("wallet_not_frozen", "It is not frozen"),
    ("agent_retired", "A retired agent does nothing more"),
    ("hold_expired", "The hold expired; only a settlement within its grace is still taken"),
    ("hold_ended", "The hold ended already: settled, released, or expired long ago"),
    ("settlement_exceeds_hold", "By the hold's policy a larger settlement is refused"),
    ("nothing_to_void", "Nothing is left of the grant"),
    ("not_refundable", "The line did not consume anything that could be returned"),
    ("refund_exceeds_debit", "More than what is left of the line"),
    ("usage_already_void", "The usage record is void already"),
    ("usage_unpriceable", "No price is known, and the meter's policy is to refuse"),
    ("period_closed", "The period was closed before"),
    ("period_not_over", "A period is closed when it is over"),
    ("period_out_of_order", "Periods tile time"),
    ("nothing_to_erase", "The subject has no key that could be destroyed"),
    ("amount_out_of_range", "A sum that this leads to would pass 10^12 credits"),
    ("insufficient_credits", "Not enough is available"),
];

/// What the code of a rule means.
pub(super) fn title(code: &str) -> &'static str {
    TITLES
        .iter()
        .find(|(name, _)| *name == code)
        .map_or("A rule refused the command", |(_, title)| title)
}

#[cfg(test)]
mod tests {
    use quipu_domain::Refusal;

    use super::*;

    #[test]
    fn every_code_of_the_domain_is_documented() {
        let documented: Vec<&str> = TITLES.iter().map(|(code, _)| *code).collect();
        let codes: Vec<&str> = Refusal::CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(documented, codes);
    }
}
