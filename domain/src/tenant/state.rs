//! A tenant as its events made it, and what it decides.

use serde::{Deserialize, Serialize};

use super::{
    TenantCommand, TenantCreated, TenantEvent, TenantReactivated, TenantRenamed, TenantSuspended,
};
use crate::aggregate::aggregate;
use crate::event::Inconsistency;
use crate::{Label, Personal, Refusal, TenantId, calendar};

/// Who a wallet, its agents and its usage belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    profile: Option<TenantCreated>,
    suspension: Option<Personal>,
}

impl Tenant {
    /// Names the shape a snapshot has; another shape gets another name.
    pub const SCHEMA: &str = "tenant/1";

    /// Whether it was created.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.profile.is_some()
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> Option<&Personal> {
        self.profile.as_ref().map(|profile| &profile.name)
    }

    /// IANA time zone of its periods (M6).
    #[must_use]
    pub fn time_zone(&self) -> Option<&Label> {
        self.profile.as_ref().map(|profile| &profile.time_zone)
    }

    /// Why it is suspended, if it is.
    #[must_use]
    pub const fn suspension(&self) -> Option<&Personal> {
        self.suspension.as_ref()
    }

    /// What a command leads to. `tenant` is whom it was sent to.
    pub fn decide(
        &self,
        command: &TenantCommand,
        tenant: &TenantId,
    ) -> Result<Vec<TenantEvent>, Refusal> {
        if let TenantCommand::Create { tenant, name, time_zone } = command {
            return self.create(tenant, name, time_zone);
        }
        if !self.exists() {
            return Err(Refusal::UnknownTenant { tenant: tenant.clone() });
        }
        let event = match (command, &self.suspension) {
            (TenantCommand::Create { tenant, .. }, _) => {
                return Err(Refusal::TenantExists { tenant: tenant.clone() });
            }
            (TenantCommand::Rename { name }, _) => {
                TenantEvent::TenantRenamed(TenantRenamed { name: name.clone() })
            }
            (TenantCommand::Suspend { .. }, Some(_)) => {
                return Err(Refusal::TenantAlreadySuspended);
            }
            (TenantCommand::Suspend { reason }, None) => {
                TenantEvent::TenantSuspended(TenantSuspended { reason: reason.clone() })
            }
            (TenantCommand::Reactivate { .. }, None) => return Err(Refusal::TenantNotSuspended),
            (TenantCommand::Reactivate { reason }, Some(_)) => {
                TenantEvent::TenantReactivated(TenantReactivated { reason: reason.clone() })
            }
        };
        Ok(vec![event])
    }

    fn create(
        &self,
        tenant: &TenantId,
        name: &Personal,
        time_zone: &Label,
    ) -> Result<Vec<TenantEvent>, Refusal> {
        if self.exists() {
            return Err(Refusal::TenantExists { tenant: tenant.clone() });
        }
        if !calendar::is_time_zone(time_zone) {
            return Err(Refusal::UnknownTimeZone { time_zone: time_zone.clone() });
        }
        Ok(vec![TenantEvent::TenantCreated(TenantCreated {
            tenant: tenant.clone(),
            name: name.clone(),
            time_zone: time_zone.clone(),
        })])
    }

    /// What an event makes of it.
    pub fn apply(&mut self, event: &TenantEvent) -> Result<(), Inconsistency> {
        let fits = match event {
            TenantEvent::TenantCreated(_) => !self.exists(),
            TenantEvent::TenantRenamed(_) => self.exists(),
            TenantEvent::TenantSuspended(_) => self.exists() && self.suspension.is_none(),
            TenantEvent::TenantReactivated(_) => self.suspension.is_some(),
        };
        if !fits {
            return Err(Inconsistency(format!("{} does not follow here", event.type_name())));
        }
        match event {
            TenantEvent::TenantCreated(created) => self.profile = Some(created.clone()),
            TenantEvent::TenantRenamed(renamed) => {
                if let Some(profile) = &mut self.profile {
                    profile.name = renamed.name.clone();
                }
            }
            TenantEvent::TenantSuspended(suspended) => {
                self.suspension = Some(suspended.reason.clone());
            }
            TenantEvent::TenantReactivated(_) => self.suspension = None,
        }
        Ok(())
    }
}

// Services: whom commands are sent to.
aggregate!(Tenant in "tenant": TenantCommand => TenantEvent, |tenant: TenantId| (tenant));
