//! The made-up customers of the demo, and who of them sends which request.

/// A customer: a tenant with a plan and agents.
pub(super) struct Customer {
    pub(super) tenant: &'static str,
    pub(super) name: &'static str,
    /// Credits that a month of its plan includes.
    pub(super) plan: &'static str,
    /// Credits given as a welcome, which burn first.
    pub(super) welcome: &'static str,
    /// Credits it buys when it has run out.
    pub(super) top_up: &'static str,
    /// Of 100 requests, how many are its own.
    share: u64,
    pub(super) agents: &'static [Agent],
}

/// An agent of a customer, and the model it works with.
pub(super) struct Agent {
    pub(super) agent: &'static str,
    pub(super) name: &'static str,
    pub(super) model: &'static str,
}

/// All customers. The models are those of `demo/prices.json`.
pub(super) const CUSTOMERS: [Customer; 4] = [
    Customer {
        tenant: "t_aurora",
        name: "Aurora Analytics",
        plan: "2000",
        welcome: "50",
        top_up: "2000",
        share: 45,
        agents: &[
            Agent { agent: "coder", name: "Pair programmer", model: "claude-sonnet-4-5" },
            Agent { agent: "reviewer", name: "Code reviewer", model: "gpt-4.1" },
            Agent { agent: "triage", name: "Issue triage", model: "gpt-4.1-mini" },
        ],
    },
    Customer {
        tenant: "t_birch",
        name: "Birch Robotics",
        plan: "500",
        welcome: "20",
        top_up: "500",
        share: 30,
        agents: &[
            Agent { agent: "coder", name: "Firmware coder", model: "gpt-4.1" },
            Agent { agent: "tester", name: "Test writer", model: "claude-haiku-4-5" },
        ],
    },
    Customer {
        tenant: "t_cedar",
        name: "Cedar Legal",
        plan: "50",
        welcome: "5",
        top_up: "50",
        share: 18,
        agents: &[
            Agent { agent: "contracts", name: "Contract reader", model: "claude-haiku-4-5" },
            Agent { agent: "search", name: "Case search", model: "gpt-4.1-mini" },
        ],
    },
    Customer {
        tenant: "t_delta",
        name: "Delta Retail",
        plan: "2",
        welcome: "1",
        top_up: "5",
        share: 7,
        agents: &[Agent { agent: "support", name: "Support desk", model: "gpt-4.1" }],
    },
];

/// Who sends the trace's row of that number: always the same.
pub(super) fn of_row(row: usize) -> (&'static Customer, &'static Agent) {
    let scattered = scatter(row as u64);
    let mut left = scattered % 100;
    let customer = CUSTOMERS.iter().find(|customer| {
        let found = left < customer.share;
        left = left.saturating_sub(customer.share);
        found
    });
    let customer = customer.expect("the shares add up to 100");
    let agents = customer.agents.len() as u64;
    let index = usize::try_from(scattered / 100 % agents).expect("an index of a short list");
    (customer, &customer.agents[index])
}

/// The SplitMix64 finaliser: neighbouring rows go to different customers.
const fn scatter(number: u64) -> u64 {
    let number = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_spread_by_share_and_always_the_same() {
        assert_eq!(CUSTOMERS.iter().map(|customer| customer.share).sum::<u64>(), 100);
        let rows_of =
            |tenant: &str| (0..8_819).filter(|row| of_row(*row).0.tenant == tenant).count();
        assert_eq!(CUSTOMERS.map(|customer| rows_of(customer.tenant)), [4_015, 2_570, 1_609, 625]);
    }
}
