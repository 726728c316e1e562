//! Usage as CloudEvents 1.0: structured, batched, or binary (HTTP protocol binding 1.0.2).
//!
//! `subject` is the tenant, `type` (or `data.meter`) the meter, `time` when it occurred, `source`
//! and `id` are the record's own. Extension attributes are allowed, as the specification asks,
//! and not kept; `data` is as strict as a plain record.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use axum::http::HeaderMap;
use quipu_domain::{Label, MeterName, TenantId, Timestamp};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::MOST_RECORDS;
use super::record::Record;
use crate::problem::{Code, Problem};
use crate::strict_json;
use crate::wire::{Number, Object, bounded_array, dimensions};

/// A CloudEvent that reports usage.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "specversion": "1.0", "id": "req-9001", "source": "gateway-1", "type": "llm_tokens",
    "subject": "t_acme", "time": "2026-11-20T12:00:00Z",
    "data": {"input": 374, "output": 44, "model": "example-large", "agent": "analyst"}
}))]
pub(crate) struct CloudEvent {
    /// `1.0`.
    specversion: String,
    /// The reporter's id for it.
    #[schema(value_type = String)]
    id: Label,
    /// Who reports it.
    #[schema(value_type = String)]
    source: Label,
    /// The meter, unless `data` names it.
    #[serde(rename = "type")]
    event_type: String,
    /// The tenant.
    #[schema(value_type = String)]
    subject: TenantId,
    /// When it happened.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    time: Option<Timestamp>,
    /// `application/json`, if anything.
    #[serde(default)]
    datacontenttype: Option<String>,
    /// What was used.
    #[schema(value_type = Data)]
    data: Object<Data>,
    /// Another payload, which there must not be.
    #[serde(default)]
    #[schema(ignore)]
    data_base64: Option<IgnoredAny>,
}

/// What was used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CloudEventData)]
pub(crate) struct Data {
    /// The meter, where it is not the event's type.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    meter: Option<MeterName>,
    /// How much, for meters that are not priced by kind of token.
    #[serde(default)]
    quantity: Option<Number>,
    /// Tokens sent to the model and not cached.
    #[serde(default)]
    input: Option<u64>,
    /// Tokens sent to the model and found in its cache.
    #[serde(default)]
    cached_input: Option<u64>,
    /// Tokens that the model generated.
    #[serde(default)]
    output: Option<u64>,
    /// What a unique count counts.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    value: Option<Label>,
    /// The agent that did the work.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    agent: Option<Label>,
    /// The run, meeting or job it belongs to.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    run: Option<Label>,
    /// The model that was used.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    model: Option<Label>,
    /// Your own dimensions, at most 16.
    #[serde(default, deserialize_with = "dimensions")]
    #[schema(value_type = BTreeMap<String, String>)]
    dimensions: BTreeMap<Label, Label>,
}

/// The events of a batch.
struct Batch(Vec<CloudEvent>);

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Batch, D::Error> {
        bounded_array(deserializer, MOST_RECORDS, "an array of CloudEvents").map(Batch)
    }
}

/// One event, whole in the body.
pub(super) fn from_structured(bytes: &[u8]) -> Result<Record, Problem> {
    strict_json::decode::<Object<CloudEvent>>(bytes)?.0.record()
}

/// Many events, whole in the body.
pub(super) fn from_batch(bytes: &[u8]) -> Result<Vec<Record>, Problem> {
    let Batch(events) = strict_json::decode(bytes)?;
    let record = |(index, event): (usize, CloudEvent)| {
        event.record().map_err(|problem| problem.with("index", index))
    };
    events.into_iter().enumerate().map(record).collect()
}

/// Whether the event's attributes are headers.
pub(super) fn is_binary(headers: &HeaderMap) -> bool {
    headers.contains_key("ce-specversion")
}

/// One event: attributes in headers, data in the body.
pub(super) fn from_binary(headers: &HeaderMap, bytes: &[u8]) -> Result<Record, Problem> {
    let event = CloudEvent {
        specversion: required(headers, "ce-specversion")?.into_owned(),
        id: parsed(headers, "ce-id")?,
        source: parsed(headers, "ce-source")?,
        event_type: required(headers, "ce-type")?.into_owned(),
        subject: parsed(headers, "ce-subject")?,
        time: headers.contains_key("ce-time").then(|| parsed(headers, "ce-time")).transpose()?,
        datacontenttype: None,
        data: strict_json::decode(bytes)?,
        data_base64: None,
    };
    event.record()
}

fn parsed<T>(headers: &HeaderMap, name: &'static str) -> Result<T, Problem>
where
    T: std::str::FromStr<Err: fmt::Display>,
{
    let text = required(headers, name)?;
    text.parse().map_err(|error| {
        Problem::new(
            Code::InvalidCloudEvent,
            format!("the header {name} is not valid: {error}"),
            "correct the header as the detail says",
        )
        .with("header", name)
    })
}

fn required<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Cow<'h, str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none());
    value.and_then(|value| unescaped(value.as_bytes())).ok_or_else(|| {
        Problem::new(
            Code::InvalidCloudEvent,
            format!("the header {name} is missing, stands twice or is not UTF-8"),
            "send each attribute as one header; characters beyond ASCII percent-encoded",
        )
        .with("header", name)
    })
}

/// Undoes the percent-encoding that the HTTP binding asks for in header values.
fn unescaped(value: &[u8]) -> Option<Cow<'_, str>> {
    if !value.contains(&b'%') {
        return std::str::from_utf8(value).ok().map(Cow::Borrowed);
    }
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            rest = after;
            let digits = std::str::from_utf8(digits).ok()?;
            plain.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            plain.push(byte);
        }
    }
    String::from_utf8(plain).ok().map(Cow::Owned)
}

/// Whether a media type is JSON's, whatever its parameters.
fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

impl CloudEvent {
    fn record(self) -> Result<Record, Problem> {
        if self.specversion != "1.0" {
            return Err(invalid("specversion", "is not 1.0", "send CloudEvents 1.0"));
        }
        if self.datacontenttype.as_deref().is_some_and(|media_type| !is_json(media_type)) {
            return Err(invalid(
                "datacontenttype",
                "is not application/json",
                "send the data as JSON, and leave datacontenttype out",
            ));
        }
        if self.data_base64.is_some() {
            return Err(invalid(
                "data_base64",
                "stands beside data, and an event has one of them",
                "send the data as JSON, and leave data_base64 out",
            ));
        }
        let Object(data) = self.data;
        let meter = data.meter.map_or_else(|| self.event_type.parse(), Ok);
        let meter = meter.map_err(|_| {
            invalid(
                "type",
                "is not the name of a meter",
                "write the meter's name as the type, or as \"meter\" in the data",
            )
        })?;
        Ok(Record {
            tenant: self.subject,
            meter,
            quantity: data.quantity,
            input: data.input,
            cached_input: data.cached_input,
            output: data.output,
            value: data.value,
            agent: data.agent,
            run: data.run,
            model: data.model,
            dimensions: data.dimensions,
            occurred_at: self.time,
            source: Some(self.source),
            id: Some(self.id),
        })
    }
}

fn invalid(attribute: &str, what: &str, hint: &'static str) -> Problem {
    Problem::new(Code::InvalidCloudEvent, format!("the attribute {attribute} {what}"), hint)
        .with("attribute", attribute)
}
