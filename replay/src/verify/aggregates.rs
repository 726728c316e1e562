//! Every stream: its versions without a gap (J1), its events folded with the domain's own `apply`.

use std::collections::{HashMap, VecDeque};

use quipu_domain::agent::Agent;
use quipu_domain::epoch::Epoch;
use quipu_domain::event::Inconsistency;
use quipu_domain::meter::Meter;
use quipu_domain::period::Periods;
use quipu_domain::price_table::PriceTable;
use quipu_domain::subject::SubjectRegister;
use quipu_domain::tenant::Tenant;
use quipu_domain::wallet::Wallet;
use quipu_domain::{Event, Recorded, Stream, TenantId, Version};

use serde::de::DeserializeOwned;

use super::snapshots::{SavedSnapshot, Snapshots, Suspect};
use crate::report::Finding;

/// The state of every stream so far, and its snapshots that are yet to come.
pub(super) struct Aggregates {
    streams: HashMap<Stream, Aggregate>,
    snapshots: Snapshots,
}

struct Aggregate {
    version: Version,
    state: State,
    /// The oldest first.
    snapshots: VecDeque<SavedSnapshot>,
}

/// One aggregate's state. An application's own is not known here; its versions are.
pub(super) enum State {
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
    /// Before the first event.
    pub(super) fn new(snapshots: Snapshots) -> Aggregates {
        Aggregates { streams: HashMap::new(), snapshots }
    }

    /// How many streams there are.
    pub(super) fn count(&self) -> u64 {
        self.streams.len() as u64
    }

    /// Folds the next event. Gives the snapshot of its version, where that does not look as the
    /// state would as one.
    pub(super) fn event(&mut self, recorded: &Recorded) -> Result<Option<Suspect>, Finding> {
        let stream = &recorded.stream;
        if !is_of_its_tenant(recorded) {
            let whose = recorded.tenant.as_ref().map_or("nobody", TenantId::as_str);
            let what = format!("it is an event of {whose}, and stands in {stream}");
            return Err(Finding::at(recorded.position, what));
        }
        let snapshots = &mut self.snapshots;
        let aggregate = self.streams.entry(stream.clone()).or_insert_with(|| Aggregate {
            version: Version::ZERO,
            state: State::before(&recorded.event),
            snapshots: snapshots.of(stream),
        });
        let version = aggregate.version;
        if recorded.version != version.next() {
            let what = format!(
                "it is version {} of {stream}, which is at version {version}",
                recorded.version
            );
            return Err(Finding::at(recorded.position, what));
        }
        aggregate.version = recorded.version;
        aggregate
            .state
            .apply(&recorded.event)
            .map_err(|error| Finding::at(recorded.position, format!("in {stream}, the {error}")))?;
        let saved = aggregate.snapshots.pop_front_if(|saved| saved.version == recorded.version);
        Ok(saved.and_then(|saved| saved.suspect(recorded, &aggregate.state)))
    }

    /// The epoch that the journal is in.
    pub(super) fn epoch(&self) -> u64 {
        match self.streams.get(&Stream::epoch()).map(|aggregate| &aggregate.state) {
            Some(State::Epoch(epoch)) => epoch.number(),
            _ => Epoch::default().number(),
        }
    }

    /// Whether a snapshot's text reads as the state that a stream has now.
    pub(super) fn is_read_from(&self, stream: &Stream, text: &str) -> bool {
        self.streams.get(stream).is_some_and(|aggregate| aggregate.state.is_read_from(text))
    }

    /// A snapshot of a version that never came, and its stream.
    pub(super) fn snapshot_beyond_the_end(&self) -> Option<(&Stream, &SavedSnapshot)> {
        let begun = self.streams.iter().map(|(stream, aggregate)| (stream, &aggregate.snapshots));
        let left = begun.chain(self.snapshots.iter());
        let mut left = left.flat_map(|(stream, saved)| saved.iter().map(move |one| (stream, one)));
        left.find(|(stream, saved)| match self.streams.get(*stream) {
            Some(aggregate) => aggregate.state.schema() == Some(saved.schema),
            None => true,
        })
    }
}

/// Whether an event's tenant is the one whose stream it stands in: the views go by the tenant, and
/// decisions by the stream.
fn is_of_its_tenant(recorded: &Recorded) -> bool {
    let stream = recorded.stream.as_str();
    let whose = |kind: &str| stream.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/'));
    let tenant = recorded.tenant.as_ref().map(TenantId::as_str);
    match &recorded.event {
        Event::Tenant(_) => tenant.is_some() && whose("tenant") == tenant,
        Event::Wallet(_) => tenant.is_some() && whose("wallet") == tenant,
        Event::Agent(_) => {
            let agent = whose("agent").and_then(|rest| rest.split_once('/'));
            tenant.is_some() && agent.map(|(tenant, _)| tenant) == tenant
        }
        Event::Subject(_) => tenant.is_some(),
        Event::Meter(_)
        | Event::PriceTable(_)
        | Event::Period(_)
        | Event::Epoch(_)
        | Event::Application(_) => tenant.is_none(),
    }
}

fn reads_as<S: DeserializeOwned + PartialEq>(text: &str, state: &S) -> bool {
    serde_json::from_str::<S>(text).is_ok_and(|read| read == *state)
}

/// What is generated for each kind of state that is kept in snapshots.
macro_rules! snapshots {
    ($($kind:ident: $state:ident),+) => {
        /// Schemas that this program takes a snapshot of.
        pub(super) const SCHEMAS: &[&str] = &[$($state::SCHEMA),+];

        impl State {
            /// Names its shape; nothing for an application's own.
            pub(super) fn schema(&self) -> Option<&'static str> {
                match self {
                    $(State::$kind(_) => Some($state::SCHEMA),)+
                    State::Application => None,
                }
            }

            /// The state as a snapshot has it.
            pub(super) fn text(&self) -> Option<String> {
                match self {
                    $(State::$kind(state) => serde_json::to_string(state).ok(),)+
                    State::Application => None,
                }
            }

            /// Whether a snapshot's text reads as this state, however it is written.
            fn is_read_from(&self, text: &str) -> bool {
                match self {
                    $(State::$kind(state) => reads_as(text, state),)+
                    State::Application => false,
                }
            }
        }
    };
}

snapshots! {
    Tenant: Tenant,
    Wallet: Wallet,
    Meter: Meter,
    PriceTable: PriceTable,
    Agent: Agent,
    Periods: Periods,
    Subject: SubjectRegister,
    Epoch: Epoch
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
