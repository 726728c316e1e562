//! The formats, on the golden journal that has every event.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod plain_text;

use quipu_domain::{Position, Recorded, Timestamp};
use quipu_journal::{BatchRow, Root, codec};
use serde::Deserialize;

/// A line of the golden journal, as far as its events go.
#[derive(Deserialize)]
struct Line {
    first_position: u64,
    last_position: u64,
    events: String,
}

/// Every event that there is, in a journal of two tenants.
pub(crate) fn golden() -> Vec<Recorded> {
    let lines = include_str!("../../../replay/golden/format-1.jsonl").lines();
    let rows = lines.map(|line| {
        let line: Line = serde_json::from_str(line).unwrap();
        BatchRow {
            first_position: Position(line.first_position),
            last_position: Position(line.last_position),
            recorded_at: Timestamp::default(),
            events: line.events,
            prev_root: Root::empty(),
            root: Root::empty(),
        }
    });
    rows.flat_map(|row| {
        let events = codec::texts(&row).unwrap();
        events.map(|(position, text)| codec::decode(position, text).unwrap()).collect::<Vec<_>>()
    })
    .collect()
}
