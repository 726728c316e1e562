//! Which tenants are there, and in which state is each?

use quipu_domain::tenant::TenantEvent;
use quipu_domain::{Event, Label, Personal, Position, Recorded, TenantId, Timestamp};

use crate::cell::named_field;
use crate::table::table;
use crate::{Projection, ProjectionError, Rows, movement};

/// Whether a tenant may do new work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantStatus {
    /// It may.
    Active,
    /// It may not, until reactivated.
    Suspended,
}

named_field!(TenantStatus {
    TenantStatus::Active = "active",
    TenantStatus::Suspended = "suspended",
});

table! {
    /// One tenant.
    Tenant in "tenant"
    key TenantKey {
        /// Its id.
        tenant: TenantId,
    }
    columns {
        /// Its name for people.
        name: Personal,
        /// IANA time zone of its periods (M6).
        time_zone: Label,
        /// Whether it may do new work.
        status: TenantStatus,
        /// Why it is suspended, while it is.
        suspended_reason: Option<Personal>,
        /// When it was created.
        created_at: Timestamp,
        /// When it last changed.
        changed_at: Timestamp,
        /// Its last event.
        position: Position,
    }
}

/// Which tenants are there, and in which state is each?
#[derive(Clone, Copy, Debug)]
pub struct Tenants;

impl Projection for Tenants {
    fn name(&self) -> &'static str {
        "tenants"
    }

    fn version(&self) -> u32 {
        1
    }

    fn question(&self) -> &'static str {
        "Which tenants are there, and in which state is each?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<Tenant>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        if let (Event::Tenant(_), Some(tenant)) = (&event.event, &event.tenant) {
            rows.want::<Tenant>(TenantKey { tenant: tenant.clone() });
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Event::Tenant(change) = &event.event else { return Ok(()) };
        let key = TenantKey { tenant: movement::tenant_of(event)?.clone() };
        if let TenantEvent::TenantCreated(created) = change {
            rows.put(Tenant {
                tenant: key.tenant,
                name: created.name.clone(),
                time_zone: created.time_zone.clone(),
                status: TenantStatus::Active,
                suspended_reason: None,
                created_at: event.recorded_at,
                changed_at: event.recorded_at,
                position: event.position,
            });
            return Ok(());
        }
        let row = rows.edit::<Tenant>(&key)?;
        row.changed_at = event.recorded_at;
        row.position = event.position;
        match change {
            TenantEvent::TenantCreated(_) => {}
            TenantEvent::TenantRenamed(renamed) => row.name = renamed.name.clone(),
            TenantEvent::TenantSuspended(suspended) => {
                row.status = TenantStatus::Suspended;
                row.suspended_reason = Some(suspended.reason.clone());
            }
            TenantEvent::TenantReactivated(_) => {
                row.status = TenantStatus::Active;
                row.suspended_reason = None;
            }
        }
        Ok(())
    }
}
