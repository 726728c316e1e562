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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read<'a> {
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
    parse(position, text)?.into_recorded()
}

/// Reads only what a reader filters by.
pub fn decode_header(position: Position, text: &str) -> Result<StoredEvent, JournalError> {
    Ok(parse(position, text)?.into_stored(text))
}

/// The positions and texts of a row's events.
pub fn texts(row: &BatchRow) -> Result<impl Iterator<Item = (Position, &str)>, JournalError> {
    let corrupt = |why: String| JournalError::Corrupt { position: row.first_position, why };
    let texts = split(&row.events).map_err(corrupt)?;
    let expected = row.last_position.0.checked_sub(row.first_position.0).map(|more| more + 1);
    if expected != Some(texts.len() as u64) {
        return Err(corrupt(format!(
            "row says it holds positions {} to {} but has {} events",
            row.first_position,
            row.last_position,
            texts.len()
        )));
    }
    Ok((row.first_position.0..).map(Position).zip(texts))
}

/// Says of a position whether the event there is wanted.
pub(crate) type Wanted<'a> = &'a dyn Fn(Position) -> bool;

/// As [`decode`], for those of a row's events that are wanted, in one pass over the row's text.
pub(crate) fn decode_row(
    row: &BatchRow,
    wanted: Wanted<'_>,
    events: &mut Vec<Recorded>,
) -> Result<(), JournalError> {
    read_row(row, wanted, |read, _| {
        events.push(read.into_recorded()?);
        Ok(())
    })
}

/// As [`decode_header`], likewise.
pub(crate) fn decode_row_headers(
    row: &BatchRow,
    wanted: Wanted<'_>,
    events: &mut Vec<StoredEvent>,
) -> Result<(), JournalError> {
    read_row(row, wanted, |read, text| {
        events.push(read.into_stored(text));
        Ok(())
    })
}

fn read_row<'a>(
    row: &'a BatchRow,
    wanted: Wanted<'_>,
    mut take: impl FnMut(Read<'a>, &'a str) -> Result<(), JournalError>,
) -> Result<(), JournalError> {
    let corrupt = |position| move |why| JournalError::Corrupt { position, why };
    let mut elements = Elements::of(&row.events).map_err(corrupt(row.first_position))?;
    for position in (row.first_position.0..=row.last_position.0).map(Position) {
        let here = corrupt(position);
        let is_there = if wanted(position) {
            let read = elements.next::<Read<'a>>().map_err(here)?;
            read.map(|(read, text)| take(read.at(position)?, text)).transpose()?.is_some()
        } else {
            elements.next::<&RawValue>().map_err(here)?.is_some()
        };
        if !is_there {
            return Err(here(format!("the row says that it goes on to {}", row.last_position)));
        }
    }
    let here = corrupt(row.last_position);
    match elements.next::<&RawValue>().map_err(here)? {
        None => Ok(()),
        Some(_) => Err(here("the row says that it ends here".to_owned())),
    }
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

    fn into_stored(self, text: &str) -> StoredEvent {
        StoredEvent {
            position: self.position,
            stream: Stream::stored(&self.stream),
            version: self.version,
            type_name: self.type_name.into_owned(),
            recorded_at: self.recorded_at,
            tenant: self.tenant,
            text: text.to_owned(),
        }
    }

    fn into_recorded(self) -> Result<Recorded, JournalError> {
        let stream = Stream::stored(&self.stream);
        let kind = stream.aggregate_type();
        let event = Event::decode(kind, &self.type_name, self.schema, self.metadata, self.data)
            .map_err(|error| {
                let (position, why) = (self.position, error.to_string());
                match error.is_newer() {
                    true => JournalError::Newer { position, why },
                    false => JournalError::Unreadable { position, why },
                }
            })?;
        if self.metadata.is_some() && event.metadata().is_none() {
            let why = format!("metadata does not belong to a {}", self.type_name);
            return Err(JournalError::Corrupt { position: self.position, why });
        }
        Ok(Recorded {
            position: self.position,
            stream,
            version: self.version,
            id: self.id,
            recorded_at: self.recorded_at,
            effective_at: self.effective_at,
            tenant: self.tenant,
            metadata: Metadata {
                actor: self.actor,
                command: self.command,
                fingerprint: self.fingerprint,
                correlation: self.correlation,
                causation: self.causation,
            },
            event,
        })
    }
}

#[cfg(test)]
mod tests;
