//! From a request to a receipt: what is known already is answered, the rest is decided.

use std::slice;
use std::sync::Arc;

use quipu_domain::agent::{AgentCommand, AgentContext};
use quipu_domain::epoch::EpochCommand;
use quipu_domain::meter::{MeterCommand, MeterContext, Price};
use quipu_domain::period::PeriodCommand;
use quipu_domain::price_table::PriceTableCommand;
use quipu_domain::subject::SubjectCommand;
use quipu_domain::tenant::TenantCommand;
use quipu_domain::{
    AgentId, Metadata, MeterName, Moment, PriceTableName, Recorded, Stream, TenantId,
};

use crate::batch::Outcomes;
use crate::decider::Decider;
use crate::draft::Attributes;
use crate::known::KeyState;
use crate::{Command, EngineError, Receipt, Request};

mod again;
mod application;
mod loading;
mod usage;
mod wallet;

use again::Done;

type Events = Vec<Arc<Recorded>>;

impl Decider {
    /// Answers or decides commands one after the other, each as if it came alone (J7).
    pub(crate) fn commands(&mut self, requests: &[Request]) -> Result<Outcomes, EngineError> {
        let mut done = None;
        let mut outcomes = Vec::with_capacity(requests.len());
        for index in 0..requests.len() {
            let outcome = match self.answered(requests, index, &mut done) {
                Ok(Some(receipt)) => Ok(receipt),
                Err(EngineError::KeyInFlight) => {
                    self.draft.known.receipt_in_flight(&requests[index])
                }
                Ok(None) => self
                    .load_for_commands(&requests[index..])
                    .and_then(|()| self.decide(&requests[index])),
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if !error.concerns_one_command() => return Err(error),
                outcome => outcomes.push(outcome),
            }
        }
        Ok(outcomes)
    }

    /// Answers a command that was done already, or decides it.
    pub(crate) fn command(&mut self, request: &Request) -> Result<Receipt, EngineError> {
        let alone = slice::from_ref(request);
        if let Some(receipt) = self.answered(alone, 0, &mut None)? {
            return Ok(receipt);
        }
        self.load_for_commands(alone)?;
        self.decide(request)
    }

    /// What a command was answered with, if it was done already. `done` is what the journal says of
    /// it and those after it, once the first of them had to be looked for there.
    fn answered(
        &mut self,
        requests: &[Request],
        index: usize,
        done: &mut Option<Done>,
    ) -> Result<Option<Receipt>, EngineError> {
        match self.draft.known.command(&requests[index], &self.past.index) {
            KeyState::Free => Ok(None),
            KeyState::InFlight => Err(EngineError::KeyInFlight),
            KeyState::Reused(position) => Err(EngineError::KeyReused { position }),
            KeyState::Receipt(receipt) => Ok(Some(receipt)),
            KeyState::Durable(_) => {
                let done = match done {
                    Some(done) => done,
                    None => done.insert(self.done_before(requests, index)?),
                };
                done.remove(&index).transpose()
            }
        }
    }

    fn decide(&mut self, request: &Request) -> Result<Receipt, EngineError> {
        let Request { command, metadata, .. } = request;
        let moment = self.moment();
        let events = match command {
            Command::Tenant { tenant, command } => {
                self.tenant(tenant, command, metadata, moment)?
            }
            Command::Wallet { tenant, command } => {
                self.wallet(tenant, command, metadata, moment)?
            }
            Command::Agent { tenant, agent, command } => {
                self.agent(tenant, agent, command, metadata, moment)?
            }
            Command::Meter { meter, command } => self.meter(meter, command, metadata, moment)?,
            Command::PriceTable { table, command } => {
                self.price_table(table, command, metadata, moment)?
            }
            Command::Period(command) => self.period(command, metadata, moment)?,
            Command::Subject(command) => self.subject(command, metadata, moment)?,
            Command::Epoch(command) => self.epoch(command, metadata, moment)?,
        };
        let balance = match command {
            Command::Wallet { tenant, .. } => {
                Some(self.states.wallets.loaded(tenant).state.balance(moment.now))
            }
            _ => None,
        };
        let receipt = Receipt { events, balance, replayed: false };
        self.draft.known.note_receipt(&receipt);
        Ok(receipt)
    }

    fn tenant(
        &mut self,
        tenant: &TenantId,
        command: &TenantCommand,
        metadata: &Metadata,
        moment: Moment,
    ) -> Result<Events, EngineError> {
        self.load_tenant(tenant)?;
        let slot = self.states.tenants.loaded_mut(tenant);
        let events = slot.state.decide(command, tenant)?;
        let attributes =
            Attributes { tenant: Some(tenant), metadata, now: moment.now, effective_at: None };
        self.draft.write_all(slot, events, &attributes)
    }

    fn agent(
        &mut self,
        tenant: &TenantId,
        agent: &AgentId,
        command: &AgentCommand,
        metadata: &Metadata,
        moment: Moment,
    ) -> Result<Events, EngineError> {
        self.existing_tenant(tenant)?;
        self.load_agent(tenant, agent)?;
        let slot = self.states.agents.loaded_mut(&(tenant.clone(), agent.clone()));
        let context = AgentContext {
            tenant_id: tenant,
            tenant: &self.states.tenants.loaded(tenant).state,
            agent,
        };
        let events = slot.state.decide(command, &context)?;
        let attributes =
            Attributes { tenant: Some(tenant), metadata, now: moment.now, effective_at: None };
        self.draft.write_all(slot, events, &attributes)
    }

    fn meter(
        &mut self,
        meter: &MeterName,
        command: &MeterCommand,
        metadata: &Metadata,
        moment: Moment,
    ) -> Result<Events, EngineError> {
        let table = match command {
            MeterCommand::SetPrice(priced) => match &priced.price {
                Price::Tokens { price_table } => Some(price_table),
                _ => None,
            },
            MeterCommand::Define(_) => None,
        };
        let table_exists = match table {
            Some(table) => {
                self.load_price_table(table)?;
                self.states.price_tables.loaded(table).state.exists()
            }
            None => false,
        };
        self.load_meter(meter)?;
        let slot = self.states.meters.loaded_mut(meter);
        let context = MeterContext { meter, price_table_exists: table_exists };
        let events = slot.state.decide(command, &context)?;
        let effective_at = match command {
            MeterCommand::SetPrice(priced) => Some(priced.effective_at),
            MeterCommand::Define(_) => None,
        };
        let attributes = Attributes { tenant: None, metadata, now: moment.now, effective_at };
        self.draft.write_all(slot, events, &attributes)
    }

    fn epoch(
        &mut self,
        command: &EpochCommand,
        metadata: &Metadata,
        moment: Moment,
    ) -> Result<Events, EngineError> {
        self.states.epochs.load(&(), Stream::epoch, &self.past)?;
        let slot = self.states.epochs.loaded_mut(&());
        let events = slot.state.decide(command, moment.next)?;
        let attributes = Attributes { tenant: None, metadata, now: moment.now, effective_at: None };
        self.draft.write_all(slot, events, &attributes)
    }

    fn price_table(
        &mut self,
        table: &PriceTableName,
        command: &PriceTableCommand,
        metadata: &Metadata,
        moment: Moment,
    ) -> Result<Events, EngineError> {
        self.load_price_table(table)?;
        let slot = self.states.price_tables.loaded_mut(table);
        let events = slot.state.decide(command)?;
        let PriceTableCommand::Publish(published) = command;
        let attributes = Attributes {
            tenant: None,
            metadata,
            now: moment.now,
            effective_at: Some(published.effective_at),
        };
        self.draft.write_all(slot, events, &attributes)
    }

    fn period(
        &mut self,
        command: &PeriodCommand,
        metadata: &Metadata,
        moment: Moment,
    ) -> Result<Events, EngineError> {
        self.states.periods.load(&(), Stream::periods, &self.past)?;
        let slot = self.states.periods.loaded_mut(&());
        let events = slot.state.decide(command, moment.now)?;
        let attributes = Attributes { tenant: None, metadata, now: moment.now, effective_at: None };
        self.draft.write_all(slot, events, &attributes)
    }

    fn subject(
        &mut self,
        command: &SubjectCommand,
        metadata: &Metadata,
        moment: Moment,
    ) -> Result<Events, EngineError> {
        let SubjectCommand::Erase { subject, .. } = command;
        self.existing_tenant(subject)?;
        self.load_subjects()?;
        let slot = self.states.subjects.loaded_mut(&());
        let events = slot.state.decide(command)?;
        let attributes =
            Attributes { tenant: Some(subject), metadata, now: moment.now, effective_at: None };
        self.draft.write_all(slot, events, &attributes)
    }
}
