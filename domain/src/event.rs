//! All events of all aggregates, as the journal stores them: a type name, a schema number, data.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::agent::AgentEvent;
use crate::epoch::EpochEvent;
use crate::meter::MeterEvent;
use crate::period::PeriodEvent;
use crate::price_table::PriceTableEvent;
use crate::subject::SubjectEvent;
use crate::tenant::TenantEvent;
use crate::wallet::WalletEvent;

/// Declares an aggregate's events: an enum whose variants wrap a struct of the same name, with
/// the schema number that is written beside each, and a function that reads the data of each
/// schema before it (`Renamed = 2 from { 1 => read_schema_1 }`): every format that was ever
/// released stays readable.
macro_rules! events {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $schema:literal
            $(from { $($earlier:literal => $upcast:path),+ })?,)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "type", content = "data")]
        pub enum $name {
            $($(#[$variant_doc])* $variant($variant),)+
        }

        impl $name {
            /// The event's type, as the journal names it.
            #[must_use]
            pub const fn type_name(&self) -> &'static str {
                match self { $($name::$variant(_) => stringify!($variant),)+ }
            }

            /// The schema its data is written in.
            #[must_use]
            pub const fn schema(&self) -> u32 {
                match self { $($name::$variant(_) => $schema,)+ }
            }

            /// Writes the data alone, without type and schema.
            pub fn serialize_data<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $($name::$variant(data) => serde::Serialize::serialize(data, serializer),)+ }
            }

            /// Reads data back. `None` when the type is not one of this aggregate's.
            pub(crate) fn decode(
                type_name: &str,
                schema: u32,
                data: &str,
            ) -> Option<Result<Self, $crate::event::DecodeError>> {
                let read = match type_name {
                    $(stringify!($variant) => match schema {
                        $schema => serde_json::from_str(data).map($name::$variant),
                        $($($earlier => $upcast(data).map($name::$variant),)+)?
                        _ => return Some(Err($crate::event::DecodeError::UnknownSchema {
                            type_name: type_name.to_owned(),
                            schema,
                            newest: $schema,
                        })),
                    },)+
                    _ => return None,
                };
                Some(read.map_err(|source| $crate::event::DecodeError::Malformed {
                    type_name: type_name.to_owned(),
                    source,
                }))
            }
        }

        impl cqrs_es::DomainEvent for $name {
            fn event_type(&self) -> String {
                self.type_name().to_owned()
            }
            fn event_version(&self) -> String {
                self.schema().to_string()
            }
        }
    };
}
pub(crate) use events;

/// Any event that a journal can hold.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event is a wallet's: a box would cost each of them an allocation"
)]
pub enum Event {
    /// A tenant's lifecycle.
    Tenant(TenantEvent),
    /// A tenant's credits.
    Wallet(WalletEvent),
    /// The catalogue of meters.
    Meter(MeterEvent),
    /// The catalogue of token prices.
    PriceTable(PriceTableEvent),
    /// A tenant's agents.
    Agent(AgentEvent),
    /// Closed periods.
    Period(PeriodEvent),
    /// The register of erased subjects.
    Subject(SubjectEvent),
    /// The epochs of the journal's signed checkpoints.
    Epoch(EpochEvent),
    /// An application's own event, kept as it came.
    Application(ApplicationEvent),
}

/// An event of somebody's own aggregate on Quipu's journal.
#[derive(Clone, Debug)]
pub struct ApplicationEvent {
    /// Its type.
    pub type_name: String,
    /// Its schema number.
    pub schema: u32,
    /// What surrounds it beyond what every event has: a JSON object of the application's.
    pub metadata: Option<Box<RawValue>>,
    /// Its data, any JSON.
    pub data: Box<RawValue>,
}

/// Why stored data is not an event that this program knows.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer program.
    #[error(
        "it was written by a newer quipu, as {type_name} of schema {schema}, and this one knows \
         {newest} at most; use that version or a later one"
    )]
    UnknownSchema {
        /// The event's type.
        type_name: String,
        /// The schema it claims.
        schema: u32,
        /// The newest that is known.
        newest: u32,
    },
    /// The data does not fit its type.
    #[error("data of {type_name} does not fit its schema: {source}")]
    Malformed {
        /// The event's type.
        type_name: String,
        /// Where it fails.
        source: serde_json::Error,
    },
    /// A type of Quipu's own streams that this program does not have.
    #[error(
        "it was written by a newer quipu, as {type_name} in a {aggregate_type} stream, which this \
         one does not know; use that version or a later one"
    )]
    UnknownType {
        /// The event's type.
        type_name: String,
        /// The stream's aggregate type.
        aggregate_type: String,
    },
}

impl DecodeError {
    /// Whether a newer program wrote it, as far as can be told.
    #[must_use]
    pub const fn is_newer(&self) -> bool {
        matches!(self, DecodeError::UnknownSchema { .. } | DecodeError::UnknownType { .. })
    }
}

impl Event {
    /// The event's type, as the journal names it.
    #[must_use]
    pub fn type_name(&self) -> &str {
        match self {
            Event::Tenant(event) => event.type_name(),
            Event::Wallet(event) => event.type_name(),
            Event::Meter(event) => event.type_name(),
            Event::PriceTable(event) => event.type_name(),
            Event::Agent(event) => event.type_name(),
            Event::Period(event) => event.type_name(),
            Event::Subject(event) => event.type_name(),
            Event::Epoch(event) => event.type_name(),
            Event::Application(event) => &event.type_name,
        }
    }

    /// The schema its data is written in.
    #[must_use]
    pub fn schema(&self) -> u32 {
        match self {
            Event::Tenant(event) => event.schema(),
            Event::Wallet(event) => event.schema(),
            Event::Meter(event) => event.schema(),
            Event::PriceTable(event) => event.schema(),
            Event::Agent(event) => event.schema(),
            Event::Period(event) => event.schema(),
            Event::Subject(event) => event.schema(),
            Event::Epoch(event) => event.schema(),
            Event::Application(event) => event.schema,
        }
    }

    /// The data alone, as something to serialise.
    #[must_use]
    pub const fn data(&self) -> EventData<'_> {
        EventData(self)
    }

    /// What surrounds an application's event; Quipu's own have nothing.
    #[must_use]
    pub fn metadata(&self) -> Option<&RawValue> {
        match self {
            Event::Application(event) => event.metadata.as_deref(),
            _ => None,
        }
    }

    /// Reads an event back from its stored parts. `aggregate_type` is the stream's; in a stream
    /// that is not Quipu's own, everything is an [`ApplicationEvent`].
    pub fn decode(
        aggregate_type: &str,
        type_name: &str,
        schema: u32,
        metadata: Option<&RawValue>,
        data: &RawValue,
    ) -> Result<Event, DecodeError> {
        let text = data.get();
        let decoded = match aggregate_type {
            "tenant" => TenantEvent::decode(type_name, schema, text).map(|e| e.map(Event::Tenant)),
            "wallet" => WalletEvent::decode(type_name, schema, text).map(|e| e.map(Event::Wallet)),
            "meter" => MeterEvent::decode(type_name, schema, text).map(|e| e.map(Event::Meter)),
            "price_table" => {
                PriceTableEvent::decode(type_name, schema, text).map(|e| e.map(Event::PriceTable))
            }
            "agent" => AgentEvent::decode(type_name, schema, text).map(|e| e.map(Event::Agent)),
            "period" => PeriodEvent::decode(type_name, schema, text).map(|e| e.map(Event::Period)),
            "subject" => {
                SubjectEvent::decode(type_name, schema, text).map(|e| e.map(Event::Subject))
            }
            "epoch" => EpochEvent::decode(type_name, schema, text).map(|e| e.map(Event::Epoch)),
            _ => Some(Ok(Event::Application(ApplicationEvent {
                type_name: type_name.to_owned(),
                schema,
                metadata: metadata.map(ToOwned::to_owned),
                data: data.to_owned(),
            }))),
        };
        decoded.unwrap_or_else(|| {
            Err(DecodeError::UnknownType {
                type_name: type_name.to_owned(),
                aggregate_type: aggregate_type.to_owned(),
            })
        })
    }
}

/// Serialises an event's data without its type and schema.
#[derive(Clone, Copy, Debug)]
pub struct EventData<'a>(&'a Event);

impl Serialize for EventData<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Event::Tenant(event) => event.serialize_data(serializer),
            Event::Wallet(event) => event.serialize_data(serializer),
            Event::Meter(event) => event.serialize_data(serializer),
            Event::PriceTable(event) => event.serialize_data(serializer),
            Event::Agent(event) => event.serialize_data(serializer),
            Event::Period(event) => event.serialize_data(serializer),
            Event::Subject(event) => event.serialize_data(serializer),
            Event::Epoch(event) => event.serialize_data(serializer),
            Event::Application(event) => event.data.serialize(serializer),
        }
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        match (self, other) {
            (Event::Tenant(a), Event::Tenant(b)) => a == b,
            (Event::Wallet(a), Event::Wallet(b)) => a == b,
            (Event::Meter(a), Event::Meter(b)) => a == b,
            (Event::PriceTable(a), Event::PriceTable(b)) => a == b,
            (Event::Agent(a), Event::Agent(b)) => a == b,
            (Event::Period(a), Event::Period(b)) => a == b,
            (Event::Subject(a), Event::Subject(b)) => a == b,
            (Event::Epoch(a), Event::Epoch(b)) => a == b,
            (Event::Application(a), Event::Application(b)) => {
                let metadata = |event: &ApplicationEvent| {
                    event.metadata.as_ref().map(|metadata| metadata.get().to_owned())
                };
                a.type_name == b.type_name
                    && a.schema == b.schema
                    && a.data.get() == b.data.get()
                    && metadata(a) == metadata(b)
            }
            _ => false,
        }
    }
}

/// What an aggregate reports when an event does not fit its state: the journal is inconsistent,
/// or this program is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("event does not fit the state before it: {0}")]
pub struct Inconsistency(pub String);

#[cfg(test)]
mod tests {
    use super::*;
    use door::{DoorEvent, DoorOpened};

    mod door {
        #![allow(dead_code, unreachable_pub, reason = "a test needs less than a journal does")]

        use serde::{Deserialize, Serialize};

        events! {
            /// What can happen to a door.
            DoorEvent {
                /// It was opened.
                DoorOpened = 3 from { 1 => by_nobody, 2 => by_name },
            }
        }

        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct DoorOpened {
            pub by: Option<String>,
        }

        fn by_nobody(_: &str) -> serde_json::Result<DoorOpened> {
            Ok(DoorOpened { by: None })
        }

        fn by_name(data: &str) -> serde_json::Result<DoorOpened> {
            serde_json::from_str(data).map(|name| DoorOpened { by: Some(name) })
        }
    }

    fn opened(schema: u32, data: &str) -> Result<DoorEvent, DecodeError> {
        DoorEvent::decode("DoorOpened", schema, data).unwrap()
    }

    #[test]
    fn every_schema_is_read_into_the_newest() {
        let by =
            |name: Option<&str>| DoorEvent::DoorOpened(DoorOpened { by: name.map(str::to_owned) });
        assert_eq!(opened(1, "{}").unwrap(), by(None));
        assert_eq!(opened(2, r#""Ann""#).unwrap(), by(Some("Ann")));
        assert_eq!(opened(3, r#"{"by":"Ann"}"#).unwrap(), by(Some("Ann")));
        assert_eq!(opened(1, "{}").unwrap().schema(), 3);
        assert!(matches!(opened(2, "{}"), Err(DecodeError::Malformed { .. })));
    }

    #[test]
    fn what_a_newer_program_wrote_is_refused_and_named() {
        assert!(matches!(
            opened(4, "{}"),
            Err(DecodeError::UnknownSchema { schema: 4, newest: 3, .. })
        ));
        assert!(matches!(opened(0, "{}"), Err(DecodeError::UnknownSchema { schema: 0, .. })));
        assert!(DoorEvent::decode("DoorPainted", 1, "{}").is_none());
        let data = RawValue::from_string("{}".to_owned()).unwrap();
        let unknown = Event::decode("wallet", "CreditsMelted", 1, None, &data).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "it was written by a newer quipu, as CreditsMelted in a wallet stream, which this one \
             does not know; use that version or a later one"
        );
    }
}
