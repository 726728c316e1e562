//! A line of a statement on the wire.

use std::sync::Arc;

use quipu_domain::{Credits, EntryId, Label, MeterName, Personal, Timestamp};
use quipu_views::Entry;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::{Embedded, credits_of_micros};

/// A wallet event that moved credits, or recorded usage.
#[derive(Serialize, ToSchema)]
#[schema(as = EntryView)]
pub(super) struct EntryView {
    /// Its id: the number is the event's position.
    #[schema(value_type = String, example = "entry_3")]
    id: EntryId,
    /// The event's type.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    event_type: Arc<str>,
    /// When it counts.
    #[schema(value_type = String, format = DateTime)]
    effective_at: Timestamp,
    /// When the journal took it.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// The amount that the event is about.
    #[schema(value_type = String)]
    amount: Credits,
    /// What it added to what is in lots and not held.
    #[schema(value_type = String)]
    available_delta: Credits,
    /// What it added to what is held.
    #[schema(value_type = String)]
    held_delta: Credits,
    /// What it added to what is owed.
    #[schema(value_type = String)]
    overdraft_delta: Credits,
    /// In lots and not held, after it.
    available_after: String,
    /// Held, after it.
    held_after: String,
    /// Owed, after it.
    overdraft_after: String,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    meter: Option<MeterName>,
    /// The agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    agent: Option<Label>,
    /// The run, meeting or job.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    run: Option<Label>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    model: Option<Label>,
    /// The customer's own dimensions.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    dimensions: Option<Embedded>,
    /// The lots that were drawn or got something back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    draws: Option<Embedded>,
    /// What it is about: `grant_1`, `hold_2`, `entry_3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reference: Option<Arc<str>>,
    /// Which price was applied to usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    price: Option<Label>,
    /// Who reported usage, or what a grant refers to outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source: Option<Personal>,
    /// The reporter's id for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    source_id: Option<Label>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Personal>,
    /// Who.
    #[schema(value_type = String)]
    actor: Label,
    /// The idempotency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    command: Option<Label>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    correlation: Option<Label>,
}

impl From<Entry> for EntryView {
    /// The overdraft account stands at zero or below (M4); people and balances say what is owed.
    fn from(entry: Entry) -> EntryView {
        EntryView {
            id: EntryId(entry.position),
            event_type: entry.event_type,
            effective_at: entry.effective_at,
            recorded_at: entry.recorded_at,
            amount: entry.amount,
            available_delta: entry.available_delta,
            held_delta: entry.held_delta,
            overdraft_delta: entry.overdraft_delta.negated(),
            available_after: credits_of_micros(entry.after.available),
            held_after: credits_of_micros(entry.after.held),
            overdraft_after: credits_of_micros(-entry.after.overdraft),
            meter: entry.meter,
            agent: entry.agent,
            run: entry.run,
            model: entry.model,
            dimensions: entry.dimensions.map(Embedded),
            draws: entry.draws.map(Embedded),
            reference: entry.reference,
            price: entry.price,
            source: entry.source,
            source_id: entry.source_id,
            reason: entry.reason,
            actor: entry.actor,
            command: entry.command,
            correlation: entry.correlation,
        }
    }
}
