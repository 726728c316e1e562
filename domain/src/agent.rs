//! The agent: a program of a tenant's that burns credits.

mod state;

use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::{AgentId, Label};

pub use state::{Agent, AgentContext, AgentServices};

events! {
    /// What can happen to an agent.
    AgentEvent {
        /// The agent is known from now on.
        AgentRegistered = 1,
        /// It is called otherwise.
        AgentRenamed = 1,
        /// It may not record usage, debit or hold any more.
        AgentRetired = 1,
    }
}

/// The agent is known from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRegistered {
    /// Its id, unique within the tenant.
    pub agent: AgentId,
    /// Its name for people.
    pub name: Label,
}

/// It is called otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRenamed {
    /// The new name.
    pub name: Label,
}

/// It may not record usage, debit or hold any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRetired {
    /// Why.
    pub reason: Label,
}

/// What can be asked of an agent.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentCommand {
    /// Make it known.
    Register {
        /// Its id.
        agent: AgentId,
        /// Its name for people.
        name: Label,
    },
    /// Call it otherwise.
    Rename {
        /// The new name.
        name: Label,
    },
    /// Let it do no more.
    Retire {
        /// Why.
        reason: Label,
    },
}
