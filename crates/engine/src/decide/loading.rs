//! Sees to it that the states a decision needs are in memory.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::event::Attribution;
use quipu_domain::{AgentId, MeterName, PriceTableName, Refusal, Stream, TenantId, Timestamp};

use crate::decider::{Decider, Task};
use crate::past::Past;
use crate::states::States;
use crate::{Command, EngineError, Request, UsageReport};

/// For how much work states are loaded at once, but for one task that has more by itself. Nobody is
/// answered meanwhile: for ten thousand wallets that takes a second or two.
const WORK_AHEAD_MOST: usize = 16_384;

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

    /// Sees to it that what the next of these commands is decided on is in memory.
    pub(super) fn load_for_commands(&mut self, requests: &[Request]) -> Result<(), EngineError> {
        if requests.first().and_then(work).is_none_or(|next| self.states.have_for(next)) {
            return Ok(());
        }
        self.load_for(requests.iter().filter_map(work).collect())
    }

    /// The same for the next of a batch's records.
    pub(super) fn load_for_usage(&mut self, reports: &[UsageReport]) -> Result<(), EngineError> {
        if reports.first().is_none_or(|next| self.states.have_for(usage_work(next))) {
            return Ok(());
        }
        self.load_for(reports.iter().map(usage_work).collect())
    }

    /// Loads what work is decided on, together with what the tasks that wait will be decided on:
    /// after a start, their wallets' last events stand in the same rows of the journal.
    pub(super) fn load_for(&mut self, own: Vec<Work<'_>>) -> Result<(), EngineError> {
        self.look_ahead();
        let Decider { waiting, states, past, .. } = self;
        let own_count = own.len();
        let more = WORK_AHEAD_MOST.saturating_sub(own_count);
        let mut all = own;
        all.extend(waiting.iter().flat_map(Task::work).take(more));
        match states.load(&all, past) {
            // Somebody else's stream that cannot be read is not this caller's business.
            Err(_) if all.len() > own_count => states.load(&all[..own_count], past),
            loaded => loaded,
        }
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

/// A command to a wallet, as far as it says what it is decided on.
#[derive(Clone, Copy)]
pub(super) struct Work<'a> {
    tenant: &'a TenantId,
    /// Whose work it is, where it is somebody's.
    attribution: Option<&'a Attribution>,
}

impl Work<'_> {
    fn agent_id(&self) -> Option<AgentId> {
        self.attribution?.agent_id()
    }
}

/// What a command is decided on, if it is one to a wallet.
pub(super) const fn work(request: &Request) -> Option<Work<'_>> {
    let Command::Wallet { tenant, command } = &request.command else { return None };
    let attribution = match command {
        WalletCommand::Debit(debit) => Some(&debit.attribution),
        WalletCommand::PlaceHold(hold) => Some(&hold.attribution),
        WalletCommand::RecordUsage(usage) => Some(&usage.attribution),
        _ => None,
    };
    Some(Work { tenant, attribution })
}

const fn usage_work(report: &UsageReport) -> Work<'_> {
    Work { tenant: &report.tenant, attribution: Some(&report.usage.attribution) }
}

impl Task {
    /// What it is decided on, as far as that can be told from the task.
    fn work(&self) -> Box<dyn Iterator<Item = Work<'_>> + '_> {
        match self {
            Task::Command(request, _) => Box::new(work(request).into_iter()),
            Task::Commands(requests, _) => Box::new(requests.iter().filter_map(work)),
            Task::Usage(batch, _) => Box::new(batch.records.iter().map(usage_work)),
            Task::Append(..)
            | Task::CatchUp(..)
            | Task::HasTenant(..)
            | Task::Positions(..)
            | Task::Stop => Box::new(std::iter::empty()),
        }
    }
}

impl States {
    /// Loads what work is decided on, in a few questions to the store: of a thousand commands, those
    /// that follow one whose wallet is not in memory may name as many wallets and agents that nobody
    /// has asked for yet.
    fn load(&mut self, work: &[Work<'_>], past: &Past) -> Result<(), EngineError> {
        let States { tenants, wallets, agents, .. } = self;
        let ids = || work.iter().map(|work| work.tenant.clone());
        tenants.load_all(ids(), Stream::tenant, past)?;
        // A tenant that was never created has no wallet and no agents to look for.
        let exists = |tenant: &TenantId| tenants.loaded(tenant).state.exists();
        wallets.load_all(ids().filter(exists), Stream::wallet, past)?;
        let keys = work.iter().filter(|work| exists(work.tenant));
        let keys = keys.filter_map(|work| Some((work.tenant.clone(), work.agent_id()?)));
        agents.load_all(keys, |(tenant, agent)| Stream::agent(tenant, agent), past)
    }

    /// Whether work can be decided on what is in memory.
    fn have_for(&self, work: Work<'_>) -> bool {
        let tenant = work.tenant;
        let Some(slot) = self.tenants.get(tenant) else { return false };
        // A tenant that was never created has no wallet and no agents to look for.
        !slot.state.exists()
            || (self.wallets.get(tenant).is_some()
                && work
                    .agent_id()
                    .is_none_or(|agent| self.agents.get(&(tenant.clone(), agent)).is_some()))
    }
}
