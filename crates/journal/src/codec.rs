//! Events as text: written once, here, and never written again to be verified.
//!
//! The fields stand in a fixed order and absent ones are left out, so the same event always
//! gives the same bytes; `data` comes last.

mod array;

use std::borrow::Cow;

use quipu_domain::event::EventData;
use quipu_domain::{
    Event, Label, Metadata, Position, Recorded, Stream, TenantId, Timestamp, Version,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use array::Elements;
pub use array::{join, split};

use crate::{BatchRow, JournalError};

#[derive(Serialize)]
struct Written<'a> {
    position: Position,
    stream: &'a str,
    version: Version,
    id: Uuid,
    #[serde(rename = "type")]
    type_name: &'a str,
    schema: u32,
    recorded_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a TenantId>,
    actor: &'a Label,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a Label>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a Label>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<&'a Label>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    data: EventData<'a>,
}

/// An event's text, taken apart; its data is read once its type is known.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read<'a> {
    position: Position,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    version: Version,
    id: Uuid,
    #[serde(rename = "type", borrow)]
    type_name: Cow<'a, str>,
    schema: u32,
    recorded_at: Timestamp,
    effective_at: Option<Timestamp>,
    tenant: Option<TenantId>,
    actor: Label,
    command: Option<Label>,
    fingerprint: Option<Label>,
    correlation: Option<Label>,
    causation: Option<Position>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// What a reader filters by, and the event's exact text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Place in the journal.
    pub position: Position,
    /// The aggregate's stream.
    pub stream: Stream,
    /// Place in the stream.
    pub version: Version,
    /// The event's type.
    pub type_name: String,
    /// When the journal took it.
    pub recorded_at: Timestamp,
    /// Whose it is.
    pub tenant: Option<TenantId>,
    /// The event as it was hashed.
    pub text: String,
}

/// Appends an event's text to a buffer.
pub fn encode(recorded: &Recorded, text: &mut Vec<u8>) {
    let metadata = &recorded.metadata;
    let written = Written {
        position: recorded.position,
        stream: recorded.stream.as_str(),
        version: recorded.version,
        id: recorded.id,
        type_name: recorded.event.type_name(),
        schema: recorded.event.schema(),
        recorded_at: recorded.recorded_at,
        effective_at: recorded.effective_at,
        tenant: recorded.tenant.as_ref(),
        actor: &metadata.actor,
        command: metadata.command.as_ref(),
        fingerprint: metadata.fingerprint.as_ref(),
        correlation: metadata.correlation.as_ref(),
        causation: metadata.causation,
        metadata: recorded.event.metadata(),
        data: recorded.event.data(),
    };
    serde_json::to_writer(text, &written)
        .expect("writing to memory succeeds, and every map in an event has text keys");
}

/// Reads an event back. `position` is where it was found: it is named when the text is not an
/// event, and must be the one the text claims.
pub fn decode(position: Position, text: &str) -> Result<Recorded, JournalError> {
    Recorded::of(parse(position, text)?, text)
}

/// Reads only what a reader filters by.
pub fn decode_header(position: Position, text: &str) -> Result<StoredEvent, JournalError> {
    StoredEvent::of(parse(position, text)?, text)
}

/// The positions and texts of a row's events.
pub fn texts(row: &BatchRow) -> Result<impl Iterator<Item = (Position, &str)>, JournalError> {
    let texts = split(&row.events).map_err(|why| corrupt(row, why))?;
    refuse_other_number(row, texts.len())?;
    Ok((row.first_position.0..).map(Position).zip(texts))
}

/// What is read of an event.
pub(crate) trait Decoded: Sized {
    /// From what surrounds the event, and its exact text.
    fn of(read: Read<'_>, text: &str) -> Result<Self, JournalError>;
}

/// Adds those of a row's events that are wanted, in one pass over the row's text.
pub(crate) fn decode_row<T: Decoded>(
    row: &BatchRow,
    wanted: impl Fn(Position) -> bool,
    events: &mut Vec<T>,
) -> Result<(), JournalError> {
    let mut elements = Elements::of(&row.events).map_err(|why| corrupt(row, why))?;
    let mut found = 0;
    loop {
        let position = row.first_position.plus(found as u64);
        let here = |why| JournalError::Corrupt { position, why };
        let is_there = if wanted(position) {
            let read = elements.next::<Read<'_>>().map_err(here)?;
            let event = read.map(|(read, text)| T::of(read.at(position)?, text)).transpose()?;
            event.map(|event| events.push(event)).is_some()
        } else {
            elements.next::<&RawValue>().map_err(here)?.is_some()
        };
        if !is_there {
            return refuse_other_number(row, found);
        }
        found += 1;
    }
}

/// A row must have as many events as it says.
fn refuse_other_number(row: &BatchRow, events: usize) -> Result<(), JournalError> {
    let expected = row.last_position.0.checked_sub(row.first_position.0).map(|more| more + 1);
    if expected == Some(events as u64) {
        return Ok(());
    }
    let (first, last) = (row.first_position, row.last_position);
    let why = format!("row says it holds positions {first} to {last} but has {events} events");
    Err(corrupt(row, why))
}

const fn corrupt(row: &BatchRow, why: String) -> JournalError {
    JournalError::Corrupt { position: row.first_position, why }
}

fn parse(position: Position, text: &str) -> Result<Read<'_>, JournalError> {
    let read: Read<'_> = serde_json::from_str(text)
        .map_err(|error| JournalError::Corrupt { position, why: error.to_string() })?;
    read.at(position)
}

impl<'a> Read<'a> {
    /// Itself, where it says that it stands there.
    fn at(self, position: Position) -> Result<Read<'a>, JournalError> {
        if self.position != position {
            let why = format!("the event here says it is number {}", self.position);
            return Err(JournalError::Corrupt { position, why });
        }
        Ok(self)
    }
}

impl Decoded for StoredEvent {
    fn of(read: Read<'_>, text: &str) -> Result<StoredEvent, JournalError> {
        Ok(StoredEvent {
            position: read.position,
            stream: Stream::stored(&read.stream),
            version: read.version,
            type_name: read.type_name.into_owned(),
            recorded_at: read.recorded_at,
            tenant: read.tenant,
            text: text.to_owned(),
        })
    }
}

impl Decoded for Recorded {
    fn of(read: Read<'_>, _: &str) -> Result<Recorded, JournalError> {
        let stream = Stream::stored(&read.stream);
        let kind = stream.aggregate_type();
        let event = Event::decode(kind, &read.type_name, read.schema, read.metadata, read.data)
            .map_err(|error| {
                let (position, why) = (read.position, error.to_string());
                match error.is_newer() {
                    true => JournalError::Newer { position, why },
                    false => JournalError::Unreadable { position, why },
                }
            })?;
        if read.metadata.is_some() && event.metadata().is_none() {
            let why = format!("metadata does not belong to a {}", read.type_name);
            return Err(JournalError::Corrupt { position: read.position, why });
        }
        Ok(Recorded {
            position: read.position,
            stream,
            version: read.version,
            id: read.id,
            recorded_at: read.recorded_at,
            effective_at: read.effective_at,
            tenant: read.tenant,
            metadata: Metadata {
                actor: read.actor,
                command: read.command,
                fingerprint: read.fingerprint,
                correlation: read.correlation,
                causation: read.causation,
            },
            event,
        })
    }
}

#[cfg(test)]
mod tests;
