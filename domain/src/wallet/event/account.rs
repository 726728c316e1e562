//! The account as a whole: overdraft, refunds, freezes (W5, W10, W13).

use serde::{Deserialize, Serialize};

use super::{Draw, Returns};
use crate::{Credits, EntryId, Personal};

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
    pub reason: Option<Personal>,
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
    pub reason: Option<Personal>,
}

/// No debits, holds or usage until unfrozen (W13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletFrozen {
    /// Why.
    pub reason: Personal,
}

/// A freeze ended (W13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletUnfrozen {
    /// Why.
    pub reason: Personal,
}
