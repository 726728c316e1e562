//! Sees to it that the states a decision needs are in memory.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::event::Attribution;
use quipu_domain::{AgentId, MeterName, PriceTableName, Refusal, Stream, TenantId, Timestamp};

use crate::decider::{Decider, States};
use crate::{Command, EngineError, Request, UsageReport};

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

    /// Loads what commands that are decided together need.
    pub(super) fn load_for_commands(&mut self, requests: &[Request]) -> Result<(), EngineError> {
        self.load_for_work(requests.iter().filter_map(|request| match &request.command {
            Command::Wallet { tenant, command } => Some((tenant, attribution(command))),
            _ => None,
        }))
    }

    /// Loads what the records of a batch need.
    pub(crate) fn load_for_usage(&mut self, reports: &[UsageReport]) -> Result<(), EngineError> {
        let work = reports.iter();
        let work = work.map(|report| (&report.tenant, Some(&report.usage.attribution)));
        self.load_for_work(work)
    }

    /// Loads what work on wallets will be decided on, in a few questions to the store: a request
    /// with a thousand parts may name as many wallets and agents that nobody has asked for yet.
    fn load_for_work<'a>(
        &mut self,
        work: impl Iterator<Item = (&'a TenantId, Option<&'a Attribution>)> + Clone,
    ) -> Result<(), EngineError> {
        let States { tenants, wallets, agents, .. } = &mut self.states;
        let ids = || work.clone().map(|(tenant, _)| tenant.clone());
        tenants.load_all(ids(), Stream::tenant, &self.past)?;
        // A tenant that was never created has no wallet and no agents to look for.
        let exists = |tenant: &TenantId| tenants.loaded(tenant).state.exists();
        wallets.load_all(ids().filter(exists), Stream::wallet, &self.past)?;
        let agent = |(tenant, attribution): (&TenantId, Option<&Attribution>)| {
            Some((tenant.clone(), attribution?.agent_id()?))
        };
        let keys = work.clone().filter(|(tenant, _)| exists(tenant)).filter_map(agent);
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

/// Whose work a command is, where it is somebody's.
const fn attribution(command: &WalletCommand) -> Option<&Attribution> {
    match command {
        WalletCommand::Debit(debit) => Some(&debit.attribution),
        WalletCommand::PlaceHold(hold) => Some(&hold.attribution),
        WalletCommand::RecordUsage(usage) => Some(&usage.attribution),
        _ => None,
    }
}
