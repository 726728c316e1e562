//! Lots: granted, voided, expired (W1, W11, W12).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Credits, GrantId, MeterName, Personal, Timestamp};

/// Where the credits of a grant were issued from: the account on the other side (M4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody paid for them.
    Purchase,
    /// A plan includes them.
    Plan,
    /// They were a present.
    Promotion,
    /// They correct something.
    Adjustment,
}

/// Whether credits were paid for; promotional ones burn first (W2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// A present.
    Promotional,
    /// Paid for.
    Paid,
}

/// What decides where a lot stands in the burn order, and who may burn it (W1, W2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LotTerms {
    /// Paid for or not.
    pub kind: GrantKind,
    /// 0..=100, low burns first.
    pub priority: u8,
    /// From when it can be spent.
    pub effective_at: Timestamp,
    /// Until when, exclusive; never expires where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Meters that may burn it; all where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<MeterName>,
    /// Where its credits were issued from.
    pub origin: Origin,
}

impl LotTerms {
    /// Where a lot stands in the burn order if nothing is said (W1).
    pub const DEFAULT_PRIORITY: u8 = 50;
}

/// A lot of credits came in (W1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditsGranted {
    /// The lot it makes; its number is this event's position.
    pub grant: GrantId,
    /// How much.
    pub amount: Credits,
    /// Burn order and scope.
    pub terms: LotTerms,
    /// What one credit cost, in money, for reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_cost: Option<Decimal>,
    /// What it refers to outside: an order, an invoice, a payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Personal>,
}

/// The unused remainder of a grant was taken back (W11). What is held at that time follows when
/// it returns to the lot; where all of it was held, the amount is zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantVoided {
    /// The lot.
    pub grant: GrantId,
    /// How much was taken back.
    pub amount: Credits,
    /// Where it goes back to.
    pub origin: Origin,
    /// Why.
    pub reason: Personal,
}

/// What was left of a lot expired (W12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditsExpired {
    /// The lot.
    pub grant: GrantId,
    /// How much expired.
    pub amount: Credits,
    /// When the lot's time was over. This event counts from then, or from when they came back to
    /// the lot if that was later.
    pub expired_at: Timestamp,
}
