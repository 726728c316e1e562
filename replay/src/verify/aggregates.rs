//! Every stream: its versions without a gap (J1), its events folded with the domain's own `apply`.

use std::collections::HashMap;

use quipu_domain::agent::Agent;
use quipu_domain::epoch::Epoch;
use quipu_domain::event::Inconsistency;
use quipu_domain::meter::Meter;
use quipu_domain::period::Periods;
use quipu_domain::price_table::PriceTable;
use quipu_domain::subject::SubjectRegister;
use quipu_domain::tenant::Tenant;
use quipu_domain::wallet::Wallet;
use quipu_domain::{Event, Recorded, Stream, Version};

use crate::report::Finding;

/// The state of every stream so far.
#[derive(Default)]
pub(super) struct Aggregates {
    streams: HashMap<Stream, (Version, State)>,
}

/// One aggregate's state. An application's own is not known here; its versions are.
enum State {
    Tenant(Tenant),
    Wallet(Box<Wallet>),
    Meter(Meter),
    PriceTable(PriceTable),
    Agent(Agent),
    Periods(Periods),
    Subject(SubjectRegister),
    Epoch(Epoch),
    Application,
}

impl Aggregates {
    /// How many streams there are.
    pub(super) fn count(&self) -> u64 {
        self.streams.len() as u64
    }

    pub(super) fn event(&mut self, recorded: &Recorded) -> Result<(), Finding> {
        let stream = &recorded.stream;
        let (version, state) = self
            .streams
            .entry(stream.clone())
            .or_insert_with(|| (Version::ZERO, State::before(&recorded.event)));
        if recorded.version != version.next() {
            let what = format!(
                "it is version {} of {stream}, which is at version {version}",
                recorded.version
            );
            return Err(Finding::at(recorded.position, what));
        }
        *version = recorded.version;
        state
            .apply(&recorded.event)
            .map_err(|error| Finding::at(recorded.position, format!("in {stream}, the {error}")))
    }
}

impl State {
    fn before(event: &Event) -> State {
        match event {
            Event::Tenant(_) => State::Tenant(Tenant::default()),
            Event::Wallet(_) => State::Wallet(Box::default()),
            Event::Meter(_) => State::Meter(Meter::default()),
            Event::PriceTable(_) => State::PriceTable(PriceTable::default()),
            Event::Agent(_) => State::Agent(Agent::default()),
            Event::Period(_) => State::Periods(Periods::default()),
            Event::Subject(_) => State::Subject(SubjectRegister::default()),
            Event::Epoch(_) => State::Epoch(Epoch::default()),
            Event::Application(_) => State::Application,
        }
    }

    fn apply(&mut self, event: &Event) -> Result<(), Inconsistency> {
        match (self, event) {
            (State::Tenant(state), Event::Tenant(event)) => state.apply(event),
            (State::Wallet(state), Event::Wallet(event)) => state.apply(event),
            (State::Meter(state), Event::Meter(event)) => state.apply(event),
            (State::PriceTable(state), Event::PriceTable(event)) => state.apply(event),
            (State::Agent(state), Event::Agent(event)) => state.apply(event),
            (State::Periods(state), Event::Period(event)) => state.apply(event),
            (State::Subject(state), Event::Subject(event)) => state.apply(event),
            (State::Epoch(state), Event::Epoch(event)) => state.apply(event),
            (State::Application, Event::Application(_)) => Ok(()),
            (_, event) => Err(Inconsistency(format!(
                "a {} does not belong into this stream",
                event.type_name()
            ))),
        }
    }
}
