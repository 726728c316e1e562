//! Where amounts are taken from, and where they go back to (W2, W10).

use serde::{Deserialize, Serialize};

use super::LotTerms;
use crate::{Credits, GrantId};

/// Where an amount was taken from, or goes back to: lots in burn order, then overdraft.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draws {
    /// Lots, in the order they were drawn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<Draw>,
    /// What went below zero (W5).
    #[serde(default, skip_serializing_if = "Credits::is_zero")]
    pub overdraft: Credits,
}

/// An amount of one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// The lot.
    pub grant: GrantId,
    /// How much of it.
    pub amount: Credits,
}

impl Draws {
    /// The whole amount.
    #[must_use]
    pub fn total(&self) -> Credits {
        Credits::sum(self.lots.iter().map(|draw| draw.amount).chain([self.overdraft]))
            .expect("M3: a recorded amount is within the limit, and so are its parts together")
    }

    /// Whether nothing was drawn.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lots.is_empty() && self.overdraft.is_zero()
    }
}

/// Where returned credits go (W10): back to lots that still live, against overdraft, or into a
/// lot that this event makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returns {
    /// Lots they came from, with the terms of the lot, so that one that was used up lives again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotReturn>,
    /// What reduces overdraft.
    #[serde(default, skip_serializing_if = "Credits::is_zero")]
    pub overdraft: Credits,
    /// What becomes a lot of its own, numbered by this event's position: credits whose lot has
    /// expired and that got a new expiry, or overdraft that has been repaid meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_lot: Option<LotReturn>,
}

/// Credits that go back to a lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LotReturn {
    /// The lot.
    pub grant: GrantId,
    /// How much.
    pub amount: Credits,
    /// The lot's terms.
    pub terms: LotTerms,
}

impl Returns {
    /// The whole amount.
    #[must_use]
    pub fn total(&self) -> Credits {
        let lots = self.lots.iter().chain(&self.new_lot).map(|lot| lot.amount);
        Credits::sum(lots.chain([self.overdraft]))
            .expect("M3: a recorded amount is within the limit, and so are its parts together")
    }

    /// Whether nothing goes back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lots.is_empty() && self.overdraft.is_zero() && self.new_lot.is_none()
    }
}
