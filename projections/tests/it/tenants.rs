//! Which tenants are there, which agents do they have, and in which state is each?

use quipu_domain::agent::{AgentEvent, AgentRegistered, AgentRenamed, AgentRetired};
use quipu_domain::tenant::{TenantEvent, TenantReactivated, TenantRenamed, TenantSuspended};
use quipu_domain::{Event, Stream, TenantId};
use quipu_projections::{Agent, AgentStatus, Agents, Tenant, TenantStatus, Tenants};

use crate::support::{Story, text};

fn tell(story: &mut Story, event: TenantEvent) -> Tenant {
    let tenant: TenantId = text("t_acme");
    story.record(Stream::tenant(&tenant), Some(tenant), Event::Tenant(event));
    story.rows::<Tenant>(&Tenants).remove(0)
}

#[test]
fn a_tenant_is_renamed_suspended_and_reactivated() {
    let mut story = Story::new();
    let row = tell(&mut story, TenantEvent::TenantRenamed(TenantRenamed { name: text("Zenith") }));
    assert_eq!((row.name, row.status), (text("Zenith"), TenantStatus::Active));
    let suspended = TenantSuspended { reason: text("unpaid") };
    let row = tell(&mut story, TenantEvent::TenantSuspended(suspended));
    assert_eq!(row.status, TenantStatus::Suspended);
    assert_eq!(row.suspended_reason, Some(text("unpaid")));
    let reactivated = TenantReactivated { reason: text("paid") };
    let row = tell(&mut story, TenantEvent::TenantReactivated(reactivated));
    assert_eq!((row.status, row.suspended_reason), (TenantStatus::Active, None));
    assert!(row.changed_at > row.created_at);
    assert_eq!(row.position.0, 4);
}

#[test]
fn an_agent_is_renamed_and_retired() {
    let mut story = Story::new();
    let tenant: TenantId = text("t_acme");
    let stream = Stream::agent(&tenant, &text("robot"));
    for event in [
        AgentEvent::AgentRegistered(AgentRegistered { agent: text("robot"), name: text("R2") }),
        AgentEvent::AgentRenamed(AgentRenamed { name: text("R3") }),
        AgentEvent::AgentRetired(AgentRetired { reason: text("replaced") }),
    ] {
        story.record(stream.clone(), Some(tenant.clone()), Event::Agent(event));
    }
    let rows = story.rows::<Agent>(&Agents);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((&row.agent, &row.name), (&text("robot"), &text("R3")));
    assert_eq!(row.status, AgentStatus::Retired);
    assert_eq!(row.retired_reason, Some(text("replaced")));
}
