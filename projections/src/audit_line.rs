//! A line of the audit log: who did what, when and why?

mod summary;

use std::sync::Arc;

use quipu_domain::{Label, Personal, Position, Recorded, Stream, TenantId, Timestamp, Version};

/// One event, as an auditor reads it (T3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// The event.
    pub position: Position,
    /// When the journal took it.
    pub recorded_at: Timestamp,
    /// Whose it is; the catalogue's events belong to nobody.
    pub tenant: Option<TenantId>,
    /// The aggregate's stream.
    pub stream: Stream,
    /// Place in the stream.
    pub version: Version,
    /// Its type.
    pub event_type: Arc<str>,
    /// Who.
    pub actor: Label,
    /// The idempotency key.
    pub command: Option<Label>,
    /// The request.
    pub correlation: Option<Label>,
    /// The event that it is a consequence of.
    pub causation: Option<Position>,
    /// Why.
    pub reason: Option<Personal>,
    /// The name that it gave to its tenant or agent.
    pub name: Option<Personal>,
    /// What happened, in a few words.
    pub summary: Arc<str>,
}

impl AuditLine {
    /// The line of an event.
    #[must_use]
    pub fn of(event: &Recorded) -> AuditLine {
        AuditLine {
            position: event.position,
            recorded_at: event.recorded_at,
            tenant: event.tenant.clone(),
            stream: event.stream.clone(),
            version: event.version,
            event_type: event.event.type_name().into(),
            actor: event.metadata.actor.clone(),
            command: event.metadata.command.clone(),
            correlation: event.metadata.correlation.clone(),
            causation: event.metadata.causation,
            reason: summary::reason_of(&event.event),
            name: summary::name_of(&event.event).cloned(),
            summary: summary::of(&event.event).into(),
        }
    }
}
