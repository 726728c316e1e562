//! An agent as its events made it, and what it decides.

use serde::{Deserialize, Serialize};

use super::{AgentCommand, AgentEvent, AgentRegistered, AgentRenamed, AgentRetired};
use crate::aggregate::aggregate;
use crate::event::Inconsistency;
use crate::tenant::Tenant;
use crate::{AgentId, Personal, Refusal, TenantId};

/// A program of a tenant's that burns credits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    profile: Option<AgentRegistered>,
    retirement: Option<Personal>,
}

/// What an agent needs to know besides itself to decide.
#[derive(Clone, Copy, Debug)]
pub struct AgentContext<'a> {
    /// Whose agent it is.
    pub tenant_id: &'a TenantId,
    /// That tenant.
    pub tenant: &'a Tenant,
    /// Whom the command was sent to.
    pub agent: &'a AgentId,
}

/// [`AgentContext`] as cqrs-es wants it: owned.
#[derive(Clone, Debug)]
pub struct AgentServices {
    /// Whose agent it is.
    pub tenant_id: TenantId,
    /// That tenant.
    pub tenant: Tenant,
    /// Whom commands are sent to.
    pub agent: AgentId,
}

impl Agent {
    /// Names the shape a snapshot has; another shape gets another name.
    pub const SCHEMA: &str = "agent/1";

    /// Whether it was registered.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.profile.is_some()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Option<&AgentId> {
        self.profile.as_ref().map(|profile| &profile.agent)
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> Option<&Personal> {
        self.profile.as_ref().map(|profile| &profile.name)
    }

    /// Why it is retired, if it is.
    #[must_use]
    pub const fn retirement(&self) -> Option<&Personal> {
        self.retirement.as_ref()
    }

    /// What a command leads to.
    pub fn decide(
        &self,
        command: &AgentCommand,
        context: &AgentContext<'_>,
    ) -> Result<Vec<AgentEvent>, Refusal> {
        if !context.tenant.exists() {
            return Err(Refusal::UnknownTenant { tenant: context.tenant_id.clone() });
        }
        let event = match command {
            AgentCommand::Register { agent, .. } if self.exists() => {
                return Err(Refusal::AgentExists { agent: agent.clone() });
            }
            AgentCommand::Register { agent, name } => {
                AgentEvent::AgentRegistered(AgentRegistered {
                    agent: agent.clone(),
                    name: name.clone(),
                })
            }
            AgentCommand::Rename { .. } | AgentCommand::Retire { .. } if !self.exists() => {
                return Err(Refusal::UnknownAgent { agent: context.agent.clone() });
            }
            AgentCommand::Rename { .. } | AgentCommand::Retire { .. }
                if self.retirement.is_some() =>
            {
                return Err(Refusal::AgentRetired { agent: context.agent.clone() });
            }
            AgentCommand::Rename { name } => {
                AgentEvent::AgentRenamed(AgentRenamed { name: name.clone() })
            }
            AgentCommand::Retire { reason } => {
                AgentEvent::AgentRetired(AgentRetired { reason: reason.clone() })
            }
        };
        Ok(vec![event])
    }

    /// What an event makes of it.
    pub fn apply(&mut self, event: &AgentEvent) -> Result<(), Inconsistency> {
        let fits = match event {
            AgentEvent::AgentRegistered(_) => !self.exists(),
            AgentEvent::AgentRenamed(_) | AgentEvent::AgentRetired(_) => {
                self.exists() && self.retirement.is_none()
            }
        };
        if !fits {
            return Err(Inconsistency(format!("{} does not follow here", event.type_name())));
        }
        match event {
            AgentEvent::AgentRegistered(registered) => self.profile = Some(registered.clone()),
            AgentEvent::AgentRenamed(renamed) => {
                if let Some(profile) = &mut self.profile {
                    profile.name = renamed.name.clone();
                }
            }
            AgentEvent::AgentRetired(retired) => self.retirement = Some(retired.reason.clone()),
        }
        Ok(())
    }
}

aggregate!(Agent in "agent": AgentCommand => AgentEvent, |services: AgentServices| (
    &AgentContext {
        tenant_id: &services.tenant_id,
        tenant: &services.tenant,
        agent: &services.agent,
    }
));
