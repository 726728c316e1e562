//! Work: debited, or held and then settled, released or expired (W4-W9).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Draws;
use crate::{AgentId, Credits, EntryId, HoldId, Label, MeterName, Personal, Timestamp};

/// Who and what an amount is attributed to: the dimensions of reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribution {
    /// The agent: a registered one's id, or any label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Label>,
    /// The run, meeting or job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Label>,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Label>,
    /// The customer's own dimensions, at most 16.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<Label, Label>,
}

impl Attribution {
    /// The agent, if it may be a registered one: its label is an agent's id.
    #[must_use]
    pub fn agent_id(&self) -> Option<AgentId> {
        self.agent.as_ref()?.as_str().parse().ok()
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agent.is_none()
            && self.run.is_none()
            && self.model.is_none()
            && self.dimensions.is_empty()
    }
}

/// Credits were consumed (W4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditsDebited {
    /// The statement's line; its number is this event's position.
    pub entry: EntryId,
    /// How much.
    pub amount: Credits,
    /// From where.
    pub draws: Draws,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<MeterName>,
    /// Who and what it is attributed to.
    #[serde(default, skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal>,
}

/// What happens when a settlement is larger than its hold (W8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overage {
    /// Draw what is available, then overdraft, beyond its limit if need be.
    #[default]
    Overflow,
    /// Charge what was held and record the shortfall.
    Cap,
    /// `settlement_exceeds_hold`.
    Reject,
}

/// Credits were reserved (W6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldPlaced {
    /// The hold; its number is this event's position.
    pub hold: HoldId,
    /// How much.
    pub amount: Credits,
    /// The lots it pins, and the overdraft it reserves.
    pub draws: Draws,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// What a larger settlement does.
    pub overage: Overage,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<MeterName>,
    /// Who and what it is attributed to.
    #[serde(default, skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
}

/// A hold got more time (W9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldExtended {
    /// The hold.
    pub hold: HoldId,
    /// When it runs out now.
    pub expires_at: Timestamp,
}

/// A hold ended in a charge (W8, W9). `from_hold` and `returned` together are what was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldSettled {
    /// The hold.
    pub hold: HoldId,
    /// The statement's line; its number is this event's position.
    pub entry: EntryId,
    /// What was charged: `from_hold` plus `from_available`.
    pub amount: Credits,
    /// The part that was held. Empty after the hold expired (W9).
    #[serde(default, skip_serializing_if = "Draws::is_empty")]
    pub from_hold: Draws,
    /// The part beyond the hold.
    #[serde(default, skip_serializing_if = "Draws::is_empty")]
    pub from_available: Draws,
    /// What goes back.
    #[serde(default, skip_serializing_if = "Draws::is_empty")]
    pub returned: Draws,
    /// What was asked for and not charged, by `cap`.
    #[serde(default, skip_serializing_if = "Credits::is_zero")]
    pub shortfall: Credits,
    /// Whether the hold had expired and was within its grace (W9).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter: Option<MeterName>,
    /// Who and what it is attributed to.
    #[serde(default, skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
}

/// A hold ended without a charge (W7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldReleased {
    /// The hold.
    pub hold: HoldId,
    /// How much goes back.
    pub amount: Credits,
    /// Where it goes back to.
    pub returned: Draws,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal>,
}

/// A hold ran out of time (W7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldExpired {
    /// The hold.
    pub hold: HoldId,
    /// How much goes back.
    pub amount: Credits,
    /// Where it goes back to.
    pub returned: Draws,
    /// When its time was over; this event counts from then.
    pub expired_at: Timestamp,
}
