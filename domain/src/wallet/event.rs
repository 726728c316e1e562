//! What can happen to a wallet. Facts only: no derived balance is ever written, but which lots
//! were drawn is, because that must never be decided again (W2).

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::{Credits, EntryId, GrantId, HoldId, Label, MeterName, Timestamp};

events! {
    /// What can happen to a wallet.
    WalletEvent {
        /// A lot of credits came in (W1).
        CreditsGranted = 1,
        /// The unused remainder of a grant was taken back (W11).
        GrantVoided = 1,
        /// What was left of a lot expired (W12).
        CreditsExpired = 1,
        /// Credits were consumed (W4).
        CreditsDebited = 1,
        /// Credits were reserved (W6).
        HoldPlaced = 1,
        /// A hold got more time (W9).
        HoldExtended = 1,
        /// A hold ended in a charge (W8, W9).
        HoldSettled = 1,
        /// A hold ended without a charge (W7).
        HoldReleased = 1,
        /// A hold ran out of time (W7).
        HoldExpired = 1,
        /// Credits that became spendable repaid overdraft (W5).
        OverdraftRepaid = 1,
        /// How far the wallet may go below zero (W5).
        OverdraftLimitSet = 1,
        /// Part of a debit, settlement or usage record was returned (W10).
        CreditsRefunded = 1,
        /// No debits and holds until unfrozen (W13).
        WalletFrozen = 1,
        /// A freeze ended (W13).
        WalletUnfrozen = 1,
        /// Usage was recorded, rated and paid for (U1, U2).
        UsageRecorded = 1,
        /// A mistaken usage record was taken back (U4).
        UsageVoided = 1,
        /// A usage record got its price, or another one (U3, U4).
        UsageRated = 1,
    }
}

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

/// An amount of one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// The lot.
    pub grant: GrantId,
    /// How much of it.
    pub amount: Credits,
}

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
    pub source: Option<Label>,
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
    pub reason: Label,
}

/// What was left of a lot expired (W12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditsExpired {
    /// The lot.
    pub grant: GrantId,
    /// How much expired.
    pub amount: Credits,
    /// When the lot's time was over; this event counts from then.
    pub expired_at: Timestamp,
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
    pub reason: Option<Label>,
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
    pub reason: Option<Label>,
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

/// Credits that became spendable repaid overdraft (W5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverdraftRepaid {
    /// How much.
    pub amount: Credits,
    /// Which lots paid.
    pub lots: Vec<Draw>,
}

/// How far the wallet may go below zero (W5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverdraftLimitSet {
    /// The limit; zero forbids overdraft.
    pub limit: Credits,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
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

/// Part of a debit, settlement or usage record was returned (W10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditsRefunded {
    /// The statement's line; its number is this event's position.
    pub entry: EntryId,
    /// The line that is refunded.
    pub of: EntryId,
    /// How much.
    pub amount: Credits,
    /// Where it goes.
    pub returns: Returns,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
}

/// No debits and holds until unfrozen (W13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletFrozen {
    /// Why.
    pub reason: Label,
}

/// A freeze ended (W13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletUnfrozen {
    /// Why.
    pub reason: Label,
}

/// Counts of tokens by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Sent to the model and not cached.
    #[serde(default)]
    pub input: u64,
    /// Sent to the model and found in its cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cached_input: u64,
    /// Generated by the model.
    #[serde(default)]
    pub output: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What was used, as the caller reported it (U1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// The meter.
    pub meter: MeterName,
    /// How much, for meters that are not priced by token kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Decimal>,
    /// Tokens by kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// What a unique count counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Label>,
    /// Who and what it is attributed to.
    #[serde(default, skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
    /// When it happened; it is rated at the prices of then.
    pub occurred_at: Timestamp,
    /// Who reported it: unique together with `id`, within a tenant.
    pub source: Label,
    /// The reporter's id for it.
    pub id: Label,
}

/// What usage cost and by which price (U2, U3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rating {
    /// It has a price.
    Rated {
        /// What it cost.
        amount: Credits,
        /// Which price: `meter NAME from TIME`, `table NAME from TIME`, `default`.
        price: Label,
    },
    /// It has none yet (U3, `record_unpriced`).
    Unpriced {
        /// Why there was none.
        why: Label,
    },
}

/// The running total of a meter in a period, after a record, where the price depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// First moment of the period.
    pub period: Timestamp,
    /// The aggregated quantity before this record.
    pub previous: Decimal,
    /// The aggregated quantity after it.
    pub quantity: Decimal,
    /// What a falling total price left over (zero or below): it is set against the next charges.
    #[serde(default, skip_serializing_if = "Credits::is_zero")]
    pub carry: Credits,
    /// For `latest`: when the record occurred that counts from now on, if this one is it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_at: Option<Timestamp>,
    /// For a unique count: the value, if it was counted for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Label>,
}

/// Usage was recorded, rated and paid for (U1, U2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageRecorded {
    /// The statement's line; its number is this event's position.
    pub entry: EntryId,
    /// What was used.
    pub usage: Usage,
    /// What it cost.
    pub rating: Rating,
    /// From where it was paid.
    #[serde(default, skip_serializing_if = "Draws::is_empty")]
    pub draws: Draws,
    /// The running total, where the price depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
}

/// A mistaken usage record was taken back, with what was left of its cost (U4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageVoided {
    /// The statement's line; its number is this event's position.
    pub entry: EntryId,
    /// The record that is void.
    pub of: EntryId,
    /// Its meter.
    pub meter: MeterName,
    /// What goes back.
    pub amount: Credits,
    /// Where it goes.
    pub returns: Returns,
    /// Why.
    pub reason: Label,
}

/// A usage record got its price, or another one (U3, U4): the difference was charged or returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsageRated {
    /// The statement's line; its number is this event's position.
    pub entry: EntryId,
    /// The record.
    pub of: EntryId,
    /// Its meter.
    pub meter: MeterName,
    /// What the record cost before.
    pub previous: Credits,
    /// What it costs now.
    pub amount: Credits,
    /// Which price.
    pub price: Label,
    /// What was charged in addition.
    #[serde(default, skip_serializing_if = "Draws::is_empty")]
    pub draws: Draws,
    /// What goes back.
    #[serde(default, skip_serializing_if = "Returns::is_empty")]
    pub returns: Returns,
    /// The running total, where the price depends on it and the record was not yet in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// Why.
    pub reason: Label,
}

impl Attribution {
    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agent.is_none()
            && self.run.is_none()
            && self.model.is_none()
            && self.dimensions.is_empty()
    }
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
