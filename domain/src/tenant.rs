//! The tenant: who a wallet, its agents and its usage belong to.

mod state;

use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::personal::in_clear;
use crate::{Label, Personal, TenantId};

pub use state::Tenant;

events! {
    /// What can happen to a tenant.
    TenantEvent {
        /// The tenant exists from now on.
        TenantCreated = 2 from { 1 => in_clear },
        /// It has another name.
        TenantRenamed = 2 from { 1 => in_clear },
        /// New debits, holds and usage are refused; what is held can still be settled (W6).
        TenantSuspended = 2 from { 1 => in_clear },
        /// A suspension ended.
        TenantReactivated = 2 from { 1 => in_clear },
    }
}

/// The tenant exists from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantCreated {
    /// Its id.
    pub tenant: TenantId,
    /// Its name for people.
    pub name: Personal,
    /// IANA time zone in which its periods are computed (M6).
    pub time_zone: Label,
}

/// It has another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantRenamed {
    /// The new name.
    pub name: Personal,
}

/// New debits, holds and usage are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantSuspended {
    /// Why.
    pub reason: Personal,
}

/// A suspension ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantReactivated {
    /// Why.
    pub reason: Personal,
}

/// What can be asked of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub enum TenantCommand {
    /// Create it.
    Create {
        /// Its id.
        tenant: TenantId,
        /// Its name for people.
        name: Personal,
        /// IANA time zone; `UTC` where the caller named none.
        time_zone: Label,
    },
    /// Call it otherwise.
    Rename {
        /// The new name.
        name: Personal,
    },
    /// Refuse new work.
    Suspend {
        /// Why.
        reason: Personal,
    },
    /// End a suspension.
    Reactivate {
        /// Why.
        reason: Personal,
    },
}
