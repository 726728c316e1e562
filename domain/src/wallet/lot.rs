//! A lot of credits and its place in the burn order (W1, W2).

use serde::{Deserialize, Serialize};

use super::event::{GrantKind, LotTerms};
use crate::{Credits, GrantId, MeterName, Timestamp};

/// What is left of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lot {
    /// The grant.
    pub grant: GrantId,
    /// Burn order and scope.
    pub terms: LotTerms,
    /// What is left and not held.
    pub free: Credits,
    /// What holds have reserved of it.
    pub held: Credits,
}

impl Lot {
    /// Whether its time has come and is not over (W3). Both are judged at the moment of decision.
    #[must_use]
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.terms.effective_at <= now && !self.has_expired(now)
    }

    /// Whether its time is over (W3).
    #[must_use]
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.terms.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// Whether any work may burn it.
    #[must_use]
    pub fn is_unscoped(&self) -> bool {
        self.terms.scope.is_empty()
    }

    /// Whether this work may burn it (W1): a lot with a scope pays only for the meters it names.
    #[must_use]
    pub fn may_pay_for(&self, meter: Option<&MeterName>) -> bool {
        self.is_unscoped() || meter.is_some_and(|meter| self.terms.scope.contains(meter))
    }
}

/// W2: priority, then earliest expiry (none last), then promotional before paid, then earliest
/// effective, then position. The fields stand in that order because the derived comparison
/// follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BurnKey {
    priority: u8,
    never_expires: bool,
    expires_at: Timestamp,
    kind: GrantKind,
    effective_at: Timestamp,
    grant: GrantId,
}

impl BurnKey {
    pub(super) fn of(grant: GrantId, terms: &LotTerms) -> BurnKey {
        BurnKey {
            priority: terms.priority,
            never_expires: terms.expires_at.is_none(),
            expires_at: terms.expires_at.unwrap_or_default(),
            kind: terms.kind,
            effective_at: terms.effective_at,
            grant,
        }
    }
}
