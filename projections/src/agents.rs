//! Which agents does a tenant have?

use quipu_domain::agent::AgentEvent;
use quipu_domain::{AgentId, Event, Personal, Position, Recorded, TenantId, Timestamp};

use crate::cell::named_field;
use crate::table::table;
use crate::{Projection, ProjectionError, Rows, movement};

/// Whether an agent may burn credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentStatus {
    /// It may.
    Active,
    /// It may not any more.
    Retired,
}

named_field!(AgentStatus {
    AgentStatus::Active = "active",
    AgentStatus::Retired = "retired",
});

table! {
    /// One agent.
    Agent in "agent"
    key AgentKey {
        /// Whose.
        tenant: TenantId,
        /// Its id.
        agent: AgentId,
    }
    columns {
        /// Its name for people.
        name: Personal,
        /// Whether it may burn credits.
        status: AgentStatus,
        /// Why it was retired.
        retired_reason: Option<Personal>,
        /// When it was registered.
        registered_at: Timestamp,
        /// When it last changed.
        changed_at: Timestamp,
        /// Its last event.
        position: Position,
    }
}

/// Which agents does a tenant have?
#[derive(Clone, Copy, Debug)]
pub struct Agents;

impl Projection for Agents {
    fn name(&self) -> &'static str {
        "agents"
    }

    fn version(&self) -> u32 {
        1
    }

    fn question(&self) -> &'static str {
        "Which agents does a tenant have?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<Agent>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        if let Ok(Some((key, _))) = agent_event(event) {
            rows.want::<Agent>(key);
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Some((key, change)) = agent_event(event)? else { return Ok(()) };
        if let AgentEvent::AgentRegistered(registered) = change {
            rows.put(Agent {
                tenant: key.tenant,
                agent: key.agent,
                name: registered.name.clone(),
                status: AgentStatus::Active,
                retired_reason: None,
                registered_at: event.recorded_at,
                changed_at: event.recorded_at,
                position: event.position,
            });
            return Ok(());
        }
        let row = rows.edit::<Agent>(&key)?;
        row.changed_at = event.recorded_at;
        row.position = event.position;
        match change {
            AgentEvent::AgentRegistered(_) => {}
            AgentEvent::AgentRenamed(renamed) => row.name = renamed.name.clone(),
            AgentEvent::AgentRetired(retired) => {
                row.status = AgentStatus::Retired;
                row.retired_reason = Some(retired.reason.clone());
            }
        }
        Ok(())
    }
}

/// The agent event and whom it is about: only the first one says so itself, the stream's name
/// (`agent/{tenant}/{agent}`) always does.
fn agent_event(event: &Recorded) -> Result<Option<(AgentKey, &AgentEvent)>, ProjectionError> {
    let Event::Agent(change) = &event.event else { return Ok(None) };
    let tenant = movement::tenant_of(event)?.clone();
    let agent = movement::name_in(&event.stream)?;
    Ok(Some((AgentKey { tenant, agent }, change)))
}
