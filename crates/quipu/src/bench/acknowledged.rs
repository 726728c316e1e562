//! What a server has acknowledged, to be found in its book afterwards.

use std::ops::AddAssign;

use serde::Serialize;

/// Commands by what they leave in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Acknowledged {
    /// `CreditsDebited`.
    pub(super) debits: u64,
    /// `HoldPlaced`.
    pub(super) holds: u64,
    /// `HoldSettled`.
    pub(super) settlements: u64,
    /// `UsageRecorded`.
    pub(super) usage_records: u64,
    /// What all of them consumed, in millionths of a credit.
    pub(super) consumed_micros: i64,
}

impl Acknowledged {
    /// Its numbers of events, by type.
    pub(super) const fn events(&self) -> [(&'static str, u64); 4] {
        [
            ("CreditsDebited", self.debits),
            ("HoldPlaced", self.holds),
            ("HoldSettled", self.settlements),
            ("UsageRecorded", self.usage_records),
        ]
    }
}

impl AddAssign for Acknowledged {
    fn add_assign(&mut self, other: Acknowledged) {
        self.debits += other.debits;
        self.holds += other.holds;
        self.settlements += other.settlements;
        self.usage_records += other.usage_records;
        self.consumed_micros += other.consumed_micros;
    }
}

/// What was acknowledged, and what may have happened besides: requests without a clear answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Acks {
    pub(super) sure: Acknowledged,
    pub(super) unsure: Acknowledged,
}

impl AddAssign for Acks {
    fn add_assign(&mut self, other: Acks) {
        self.sure += other.sure;
        self.unsure += other.unsure;
    }
}
