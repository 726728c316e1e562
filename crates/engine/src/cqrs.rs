//! Somebody's own `cqrs-es` aggregate on Quipu's journal: [`EventStore`] implements
//! [`cqrs_es::EventStore`], so that a user of that framework changes the store and nothing else.
//!
//! Unlike the persistence that comes with the framework, appends carry the version they were
//! decided on and fail as a conflict when it is no longer the stream's; events get a position in
//! one order over all aggregates, and stand in the tree that proves them.

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;

use cqrs_es::{Aggregate, AggregateContext, AggregateError, DomainEvent, EventEnvelope};
use quipu_domain::event::ApplicationEvent;
use quipu_domain::{Event, Label, Metadata, Recorded, Stream, Version};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Append, Engine, EngineError};

/// Metadata key under which a command's actor is taken from, and given back.
pub const ACTOR: &str = "actor";
/// Metadata key of the correlation id.
pub const CORRELATION: &str = "correlation";

/// A `cqrs_es::EventStore` over an engine. Streams are named `{Aggregate::TYPE}/{aggregate_id}`.
pub struct EventStore<A> {
    engine: Engine,
    aggregate: PhantomData<fn() -> A>,
}

impl<A> EventStore<A> {
    /// A store for one kind of aggregate.
    #[must_use]
    pub fn new(engine: Engine) -> EventStore<A> {
        EventStore { engine, aggregate: PhantomData }
    }
}

/// An aggregate and the version that a command on it is decided at.
pub struct Context<A> {
    stream: Stream,
    version: Version,
    aggregate_id: String,
    aggregate: A,
}

impl<A: Aggregate> AggregateContext<A> for Context<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}

impl<A: Aggregate> cqrs_es::EventStore<A> for EventStore<A> {
    type AC = Context<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let stream = stream_of::<A>(aggregate_id)?;
        let recorded = self.engine.stream(stream).await.map_err(failed)?;
        recorded.iter().map(|recorded| envelope(aggregate_id, recorded)).collect()
    }

    async fn load_aggregate(
        &self,
        aggregate_id: &str,
    ) -> Result<Context<A>, AggregateError<A::Error>> {
        let events = self.load_events(aggregate_id).await?;
        let version = Version(events.last().map_or(0, |event| event.sequence as u64));
        let mut aggregate = A::default();
        for event in events {
            aggregate.apply(event.payload);
        }
        let stream = stream_of::<A>(aggregate_id)?;
        Ok(Context { stream, version, aggregate_id: aggregate_id.to_owned(), aggregate })
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Context<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let events: Result<Vec<ApplicationEvent>, _> =
            events.iter().map(|event| application_event(event, &metadata)).collect();
        let events = events.map_err(odd)?;
        let value = |key: &str| metadata.get(key).map(|text| Label::of_any(text));
        let actor = value(ACTOR).unwrap_or_else(|| Label::of_any("application"));
        let correlation: Option<Label> = value(CORRELATION);
        let append = Append {
            stream: context.stream,
            expected: context.version,
            effective_at: None,
            events,
            metadata: Metadata { correlation, ..Metadata::by(actor) },
        };
        let recorded = self.engine.append(append).await.map_err(failed)?;
        recorded.iter().map(|recorded| envelope(&context.aggregate_id, recorded)).collect()
    }
}

fn stream_of<A: Aggregate>(id: &str) -> Result<Stream, AggregateError<A::Error>> {
    Stream::application(A::TYPE, id).ok_or_else(|| {
        AggregateError::UnexpectedError(
            format!("{}/{id} cannot name a stream: the type is Quipu's own, or a part is empty, too long or not printable", A::TYPE).into(),
        )
    })
}

/// The schema number that stands for a version such as `1` or `2.1`: what is before the point.
#[must_use]
pub fn schema_of(event_version: &str) -> u32 {
    event_version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(1)
}

fn application_event<E: DomainEvent>(
    event: &E,
    metadata: &HashMap<String, String>,
) -> Result<ApplicationEvent, serde_json::Error> {
    // Actor and correlation have places of their own in every event.
    let more: BTreeMap<&String, &String> =
        metadata.iter().filter(|(key, _)| ![ACTOR, CORRELATION].contains(&key.as_str())).collect();
    let more = match more.is_empty() {
        true => None,
        false => Some(RawValue::from_string(serde_json::to_string(&more)?)?),
    };
    Ok(ApplicationEvent {
        type_name: event.event_type(),
        schema: schema_of(&event.event_version()),
        metadata: more,
        data: RawValue::from_string(serde_json::to_string(event)?)?,
    })
}

fn envelope<A: Aggregate>(
    aggregate_id: &str,
    recorded: &Recorded,
) -> Result<EventEnvelope<A>, AggregateError<A::Error>> {
    let Event::Application(event) = &recorded.event else {
        return Err(AggregateError::UnexpectedError(
            format!("position {} is not an application's event", recorded.position).into(),
        ));
    };
    let more = event.metadata.as_ref().map_or("{}", |metadata| metadata.get());
    let more: BTreeMap<String, Value> = serde_json::from_str(more)
        .map_err(|error| AggregateError::DeserializationError(error.into()))?;
    let text = |value| if let Value::String(text) = value { text } else { value.to_string() };
    let mut metadata: HashMap<String, String> =
        more.into_iter().map(|(key, value)| (key, text(value))).collect();
    metadata.insert(ACTOR.to_owned(), recorded.metadata.actor.as_str().to_owned());
    if let Some(correlation) = &recorded.metadata.correlation {
        metadata.insert(CORRELATION.to_owned(), correlation.as_str().to_owned());
    }
    metadata.insert("position".to_owned(), recorded.position.to_string());
    metadata.insert("recorded_at".to_owned(), recorded.recorded_at.to_string());
    Ok(EventEnvelope {
        aggregate_id: aggregate_id.to_owned(),
        sequence: usize::try_from(recorded.version.0).map_err(odd)?,
        payload: serde_json::from_str(event.data.get())
            .map_err(|error| AggregateError::DeserializationError(error.into()))?,
        metadata,
    })
}

fn odd<E: std::error::Error>(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> AggregateError<E> {
    AggregateError::UnexpectedError(error.into())
}

fn failed<E: std::error::Error>(error: EngineError) -> AggregateError<E> {
    match error {
        EngineError::VersionConflict { .. } => AggregateError::AggregateConflict,
        EngineError::Unavailable { .. } | EngineError::Overloaded | EngineError::Stopped => {
            AggregateError::DatabaseConnectionError(error.into())
        }
        other => AggregateError::UnexpectedError(other.into()),
    }
}
