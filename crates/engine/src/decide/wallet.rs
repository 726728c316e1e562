//! Commands to a wallet: fetch what the decision needs, decide, write.

use std::collections::BTreeMap;

use quipu_domain::wallet::event::LotTerms;
use quipu_domain::wallet::{Dated, Original, Wallet, WalletCommand, WalletContext};
use quipu_domain::{Event, GrantId, Metadata, Moment, Position, Recorded, Stream, TenantId};

use super::Events;
use crate::EngineError;
use crate::decider::Decider;
use crate::draft::Attributes;
use crate::size::refuse_too_large;

impl Decider {
    /// Decides a wallet's command on a wallet in which nothing is overdue.
    pub(crate) fn wallet(
        &mut self,
        tenant: &TenantId,
        command: &WalletCommand,
        metadata: &Metadata,
        moment: Moment,
    ) -> Result<Events, EngineError> {
        self.bring_up_to_date(tenant, moment)?;
        let moment = Moment { next: self.draft.next, ..moment };
        let needs = self.states.wallets.loaded(tenant).state.needs(command);
        let occurred_at = match command {
            WalletCommand::RecordUsage(usage) => usage.occurred_at,
            _ => moment.now,
        };
        let original = match needs.original {
            Some(position) => self.original(tenant, position, &needs.lots)?,
            None => None,
        };
        let again = original.as_ref().and_then(Original::usage).filter(|_| needs.rates_original);
        let (meter, rated_at) = match (needs.meter, again) {
            (None, Some(usage)) => (Some(usage.meter.clone()), usage.occurred_at),
            (meter, _) => (meter.cloned(), occurred_at),
        };
        let table = self.load_prices(meter.as_ref(), rated_at)?;
        if let Some(agent) = &needs.agent {
            self.load_agent(tenant, agent)?;
        }
        let agent_key = needs.agent.map(|agent| (tenant.clone(), agent));
        let states = &mut self.states;
        let context = WalletContext {
            moment,
            tenant_id: tenant,
            tenant: &states.tenants.loaded(tenant).state,
            meter: meter.as_ref().map(|meter| &states.meters.loaded(meter).state),
            price_table: table.as_ref().map(|table| &states.price_tables.loaded(table).state),
            agent: agent_key.as_ref().map(|key| &states.agents.loaded(key).state),
            original: original.as_ref(),
        };
        let slot = states.wallets.loaded_mut(tenant);
        let events = slot.state.decide(command, &context)?;
        refuse_too_large::<Wallet>(events.iter().map(|dated| &dated.event))?;
        let mut recorded = Vec::with_capacity(events.len());
        for Dated { event, effective_at } in events {
            let attributes = Attributes {
                tenant: Some(tenant),
                metadata,
                now: moment.now,
                effective_at: Some(effective_at),
            };
            recorded.push(self.draft.write(slot, event, &attributes)?);
        }
        Ok(recorded)
    }

    /// Loads a tenant and its wallet, and writes what has fallen due in the wallet (W7, W12).
    pub(crate) fn bring_up_to_date(
        &mut self,
        tenant: &TenantId,
        moment: Moment,
    ) -> Result<(), EngineError> {
        self.existing_tenant(tenant)?;
        self.states.wallets.load(tenant, || Stream::wallet(tenant), &self.past)?;
        let slot = self.states.wallets.loaded_mut(tenant);
        if slot.state.next_due_at().is_none_or(|due| due > moment.now) {
            return Ok(());
        }
        let due = slot.state.due(&Moment { next: self.draft.next, ..moment });
        let metadata = Metadata::by("scheduler".parse().expect("a plain word is a label"));
        for Dated { event, effective_at } in due {
            let attributes = Attributes {
                tenant: Some(tenant),
                metadata: &metadata,
                now: moment.now,
                effective_at: Some(effective_at),
            };
            self.draft.write(slot, event, &attributes)?;
        }
        Ok(())
    }

    /// The event that an entry, grant or hold is named after, if it is this wallet's, with the terms
    /// of the lots it drew.
    fn original(
        &self,
        tenant: &TenantId,
        position: Position,
        lots: &[GrantId],
    ) -> Result<Option<Original>, EngineError> {
        let stream = Stream::wallet(tenant);
        let found = self.events_at(&[position])?.pop();
        let Some(Event::Wallet(event)) =
            found.filter(|found| found.stream == stream).map(|found| found.event)
        else {
            return Ok(None);
        };
        let drawn = event.drawn_lots();
        let grants: Vec<Position> = drawn.iter().chain(lots).map(|lot| lot.position()).collect();
        let lots: BTreeMap<GrantId, LotTerms> = self
            .events_at(&grants)?
            .iter()
            .filter_map(|grant| match &grant.event {
                Event::Wallet(granted) if grant.stream == stream => granted.lot_terms(),
                _ => None,
            })
            .map(|(grant, terms)| (grant, terms.clone()))
            .collect();
        Ok(Some(Original { event, lots }))
    }

    /// Events by position, durable or on their way: no answer is given before what it rests on is
    /// durable.
    fn events_at(&self, positions: &[Position]) -> Result<Vec<Recorded>, EngineError> {
        let (durable, later): (Vec<Position>, Vec<Position>) =
            positions.iter().partition(|position| **position <= self.durable);
        let mut events = self.past.events_at(&durable)?;
        events.extend(later.into_iter().filter_map(|at| self.draft.in_flight(at)).cloned());
        Ok(events)
    }
}
