//! Who did what, when and why?

mod summary;

use std::sync::Arc;

use quipu_domain::{Label, Position, Recorded, Stream, TenantId, Timestamp, Version};

use crate::table::table;
use crate::{Projection, ProjectionError, Rows};

table! {
    /// One event, as an auditor reads it (T5).
    appended AuditLine in "audit_log"
    key AuditKey {
        /// The event.
        position: Position,
    }
    columns {
        /// When the journal took it.
        recorded_at: Timestamp,
        /// Whose it is; the catalogue's events belong to nobody.
        tenant: Option<TenantId>,
        /// The aggregate's stream.
        stream: Stream,
        /// Place in the stream.
        version: Version,
        /// Its type.
        event_type: Arc<str>,
        /// Who.
        actor: Label,
        /// The idempotency key.
        command: Option<Label>,
        /// The request.
        correlation: Option<Label>,
        /// The event that it is a consequence of.
        causation: Option<Position>,
        /// Why.
        reason: Option<Label>,
        /// What happened, in a few words.
        summary: Arc<str>,
    }
}

/// Who did what, when and why?
#[derive(Clone, Copy, Debug)]
pub struct AuditLog;

impl Projection for AuditLog {
    fn name(&self) -> &'static str {
        "audit_log"
    }

    fn version(&self) -> u32 {
        1
    }

    fn question(&self) -> &'static str {
        "Who did what, when and why?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<AuditLine>()
    }

    fn prepare(&self, _: &Recorded, _: &mut Rows) {}

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        rows.append(AuditLine {
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
            reason: summary::reason_of(&event.event).cloned(),
            summary: summary::of(&event.event).into(),
        });
        Ok(())
    }
}
