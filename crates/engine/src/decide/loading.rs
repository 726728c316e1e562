//! Sees to it that the states a decision needs are in memory.

use quipu_domain::{AgentId, MeterName, PriceTableName, Refusal, Stream, TenantId, Timestamp};

use crate::decider::{Decider, States};
use crate::{EngineError, UsageReport};

impl Decider {
    pub(super) fn load_tenant(&mut self, tenant: &TenantId) -> Result<(), EngineError> {
        self.states.tenants.load(tenant, || Stream::tenant(tenant), &self.past)
    }

    pub(super) fn existing_tenant(&mut self, tenant: &TenantId) -> Result<(), EngineError> {
        self.load_tenant(tenant)?;
        if !self.states.tenants.loaded(tenant).state.exists() {
            return Err(Refusal::UnknownTenant { tenant: tenant.clone() }.into());
        }
        Ok(())
    }

    pub(super) fn load_agent(
        &mut self,
        tenant: &TenantId,
        agent: &AgentId,
    ) -> Result<(), EngineError> {
        let key = (tenant.clone(), agent.clone());
        self.states.agents.load(&key, || Stream::agent(tenant, agent), &self.past)
    }

    /// Sees to it that what the next of a batch's records is decided on is in memory. Where it is
    /// not, loads it for all that follow, in a few questions to the store: in a batch of a thousand there
    /// may be as many wallets and agents that nobody has asked for yet.
    pub(crate) fn load_for_usage(&mut self, reports: &[UsageReport]) -> Result<(), EngineError> {
        if reports.first().is_none_or(|next| self.states.have_for_usage(next)) {
            return Ok(());
        }
        let States { tenants, wallets, agents, .. } = &mut self.states;
        let ids = || reports.iter().map(|report| report.tenant.clone());
        tenants.load_all(ids(), Stream::tenant, &self.past)?;
        // A tenant that was never created has no wallet and no agents to look for.
        let exists = |tenant: &TenantId| tenants.loaded(tenant).state.exists();
        wallets.load_all(ids().filter(exists), Stream::wallet, &self.past)?;
        let keys = reports.iter().filter(|report| exists(&report.tenant)).filter_map(|report| {
            Some((report.tenant.clone(), report.usage.attribution.agent_id()?))
        });
        agents.load_all(keys, |(tenant, agent)| Stream::agent(tenant, agent), &self.past)
    }

    pub(super) fn load_meter(&mut self, meter: &MeterName) -> Result<(), EngineError> {
        self.states.meters.load(meter, || Stream::meter(meter), &self.past)
    }

    pub(super) fn load_price_table(&mut self, table: &PriceTableName) -> Result<(), EngineError> {
        self.states.price_tables.load(table, || Stream::price_table(table), &self.past)
    }

    pub(super) fn load_subjects(&mut self) -> Result<(), EngineError> {
        self.states.subjects.load(&(), Stream::subjects, &self.past)
    }

    /// Loads a meter and the price table that it refers to at a time.
    pub(super) fn load_prices(
        &mut self,
        meter: Option<&MeterName>,
        at: Timestamp,
    ) -> Result<Option<PriceTableName>, EngineError> {
        let Some(meter) = meter else { return Ok(None) };
        self.load_meter(meter)?;
        let table = self.states.meters.loaded(meter).state.price_table_at(at).cloned();
        if let Some(table) = &table {
            self.load_price_table(table)?;
        }
        Ok(table)
    }
}

impl States {
    /// Whether a record can be decided on what is in memory.
    fn have_for_usage(&self, report: &UsageReport) -> bool {
        let tenant = &report.tenant;
        let Some(slot) = self.tenants.get(tenant) else { return false };
        // A tenant that was never created has no wallet and no agents to look for.
        !slot.state.exists()
            || (self.wallets.get(tenant).is_some()
                && report
                    .usage
                    .attribution
                    .agent_id()
                    .is_none_or(|agent| self.agents.get(&(tenant.clone(), agent)).is_some()))
    }
}
