//! Commands that were done long ago: their receipts are made again from the journal.

use std::collections::HashMap;
use std::sync::Arc;

use quipu_domain::wallet::{Balance, Wallet};
use quipu_domain::{Event, Position, Recorded, TenantId, Version};

use super::Events;
use super::loading::work;
use crate::aggregates::Slot;
use crate::decider::Decider;
use crate::known::{KeyState, is_command};
use crate::{EngineError, Receipt, Request};

/// What became of commands, by their index among those that were asked about.
pub(super) type Done = HashMap<usize, Result<Receipt, EngineError>>;

impl Decider {
    /// What became of those commands, from one of them on, that the journal knows and memory does
    /// not: the same events again, and the wallet as it was right after them. Those that were done
    /// together are read together, because they come again together when a server is back.
    pub(super) fn done_before(
        &mut self,
        requests: &[Request],
        from: usize,
    ) -> Result<Done, EngineError> {
        let mut candidates: Vec<(usize, Vec<Position>)> = Vec::new();
        for (index, request) in requests.iter().enumerate().skip(from) {
            let known = &mut self.draft.known;
            if let KeyState::Durable(positions) = known.command(request, &self.past.index) {
                candidates.push((index, positions));
            }
        }
        self.load_for(
            candidates.iter().filter_map(|(index, _)| work(&requests[*index])).collect(),
        )?;
        let positions: Vec<Position> = candidates.iter().flat_map(|(_, at)| at).copied().collect();
        let events = self.past.events_at(&positions)?.into_iter();
        let events: HashMap<Position, Arc<Recorded>> =
            events.map(|event| (event.position, Arc::new(event))).collect();
        let mut done = Done::new();
        let mut accepted: Vec<(usize, Events)> = Vec::new();
        for (index, positions) in candidates {
            let request = &requests[index];
            let own = positions.iter().filter_map(|position| events.get(position));
            let own =
                own.filter(|event| is_command(event, request.command.tenant(), &request.metadata));
            let own: Events = own.cloned().collect();
            match own.first() {
                None => {}
                Some(first) if !request.is_of(first) => {
                    let position = first.position;
                    done.insert(index, Err(EngineError::KeyReused { position }));
                }
                Some(_) => accepted.push((index, own)),
            }
        }
        let last_ones = accepted.iter().filter_map(|(_, events)| events.last());
        let balances = self.balances_after(last_ones)?;
        for (index, events) in accepted {
            let balance = events.last().and_then(|last| balances.get(&last.position).copied());
            done.insert(index, Ok(Receipt { events, balance, replayed: true }));
        }
        Ok(done)
    }

    /// What wallets had right after these events, by position.
    fn balances_after<'a>(
        &self,
        events: impl Iterator<Item = &'a Arc<Recorded>>,
    ) -> Result<HashMap<Position, Balance>, EngineError> {
        let mut balances = HashMap::new();
        let mut by_wallet: HashMap<&TenantId, Vec<&Recorded>> = HashMap::new();
        for event in events.filter(|event| matches!(event.event, Event::Wallet(_))) {
            let Some(tenant) = &event.tenant else { continue };
            match self.states.wallets.get(tenant) {
                // Nothing has happened to it since.
                Some(slot) if slot.version == event.version => {
                    balances.insert(event.position, slot.state.balance(event.recorded_at));
                }
                _ => by_wallet.entry(tenant).or_default().push(event),
            }
        }
        for mut events in by_wallet.into_values() {
            events.sort_unstable_by_key(|event| event.version);
            events.dedup_by_key(|event| event.version);
            let versions: Vec<Version> = events.iter().map(|event| event.version).collect();
            let stream = events[0].stream.clone();
            let mut events = events.into_iter();
            self.past.at_each(stream, &versions, |then: &Slot<Wallet>| {
                let event = events.next().expect("there is an event for each version");
                balances.insert(event.position, then.state.balance(event.recorded_at));
            })?;
        }
        Ok(balances)
    }
}
