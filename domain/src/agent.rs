//! The agent: a program of a tenant's that burns credits.

mod state;

use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::personal::in_clear;
use crate::{AgentId, Personal};

pub use state::{Agent, AgentContext, AgentServices};

events! {
    /// What can happen to an agent.
    AgentEvent {
        /// The agent is known from now on.
        AgentRegistered = 2 from { 1 => in_clear },
        /// It has another name.
        AgentRenamed = 2 from { 1 => in_clear },
        /// It may not record usage, debit or hold any more.
        AgentRetired = 2 from { 1 => in_clear },
    }
}

/// The agent is known from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRegistered {
    /// Its id, unique within the tenant.
    pub agent: AgentId,
    /// Its name for people.
    pub name: Personal,
}

/// It has another name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRenamed {
    /// The new name.
    pub name: Personal,
}

/// It may not record usage, debit or hold any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRetired {
    /// Why.
    pub reason: Personal,
}

/// What can be asked of an agent.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentCommand {
    /// Make it known.
    Register {
        /// Its id.
        agent: AgentId,
        /// Its name for people.
        name: Personal,
    },
    /// Call it otherwise.
    Rename {
        /// The new name.
        name: Personal,
    },
    /// Let it do no more.
    Retire {
        /// Why.
        reason: Personal,
    },
}
