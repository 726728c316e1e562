//! Somebody's own cqrs-es aggregate on Quipu's journal.

use std::collections::HashMap;
use std::sync::Arc;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, AggregateError, CqrsFramework, DomainEvent, EventStore as _};
use quipu_engine::cqrs::{ACTOR, EventStore};
use quipu_journal::MemoryStore;
use serde::{Deserialize, Serialize};

use crate::support::Bench;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Counter(u64);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum CounterEvent {
    Counted { by: u64 },
}

impl DomainEvent for CounterEvent {
    fn event_type(&self) -> String {
        "Counted".into()
    }
    fn event_version(&self) -> String {
        "1.0".into()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it is full")]
struct Full;

impl Aggregate for Counter {
    const TYPE: &'static str = "counter";
    type Command = u64;
    type Event = CounterEvent;
    type Error = Full;
    type Services = ();

    async fn handle(&mut self, by: u64, (): &(), sink: &EventSink<Self>) -> Result<(), Full> {
        if self.0 + by > 10 {
            return Err(Full);
        }
        sink.write(CounterEvent::Counted { by }, self).await;
        Ok(())
    }

    fn apply(&mut self, CounterEvent::Counted { by }: CounterEvent) {
        self.0 += by;
    }
}

#[tokio::test]
async fn an_aggregate_of_somebody_elses_lives_on_the_journal() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let store = EventStore::<Counter>::new(bench.engine.clone());
    let framework = CqrsFramework::new(store, Vec::new(), ());
    framework.execute("c1", 4).await.unwrap();
    framework.execute("c1", 6).await.unwrap();
    framework.execute("c2", 1).await.unwrap();
    assert!(matches!(framework.execute("c1", 1).await, Err(AggregateError::UserError(Full))));
    let store = EventStore::<Counter>::new(bench.engine.clone());
    let events = store.load_events("c1").await.unwrap();
    let seen: Vec<_> =
        events.iter().map(|event| (event.sequence, event.metadata["position"].as_str())).collect();
    assert_eq!(seen, [(1, "1"), (2, "2")]);
}

/// The framework's own stores report such a conflict too late or not at all; here the version
/// that a command was decided on is checked by the writer.
#[tokio::test]
async fn two_commands_on_one_version_conflict() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let store = EventStore::<Counter>::new(bench.engine.clone());
    let (one, other) =
        (store.load_aggregate("c").await.unwrap(), store.load_aggregate("c").await.unwrap());
    let event = || vec![CounterEvent::Counted { by: 1 }];
    store.commit(event(), one, HashMap::new()).await.unwrap();
    let conflict = store.commit(event(), other, HashMap::new()).await;
    assert!(matches!(conflict, Err(AggregateError::AggregateConflict)));
}

/// Nobody has sealed it, and so nobody may take it for sealed.
#[tokio::test]
async fn an_actor_that_looks_like_a_sealed_text_is_recorded_as_plain_text() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let store = EventStore::<Counter>::new(bench.engine.clone());
    let context = store.load_aggregate("c").await.unwrap();
    let actor = "sealed:t_x:00ff00ff00ff00ff:abc".to_owned();
    let metadata = HashMap::from([(ACTOR.to_owned(), actor)]);
    store.commit(vec![CounterEvent::Counted { by: 1 }], context, metadata).await.unwrap();
    let actor = &store.load_events("c").await.unwrap()[0].metadata[ACTOR];
    assert_eq!(actor, "sealed t_x:00ff00ff00ff00ff:abc");
}
