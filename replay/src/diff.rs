//! What is not the same in two journals, or in two sets of views, and which event explains it.

mod journals;
mod views;
mod watch;

use quipu_domain::{Position, Recorded, Timestamp};
use quipu_journal::Root;
use quipu_projections::{AuditLine, Cell};
use serde::{Serialize, Serializer};

pub use journals::journals;
pub use views::views;

/// Events that are named of those between two views that changed a row.
const MOST_EVENTS_NAMED: usize = 3;

/// Two journals, compared event by event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalsDiff {
    /// Whether both hold the same events, byte for byte.
    pub same: bool,
    /// Up to here they do.
    pub same_until: Position,
    /// The left journal's end.
    pub left: JournalEnd,
    /// The right one's.
    pub right: JournalEnd,
    /// Where they part, if they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parting: Option<Parting>,
}

/// Where a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct JournalEnd {
    /// Its last position.
    pub position: Position,
    /// The tree head there, as it is stored.
    pub root: Root,
}

/// The first position at which two journals differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parting {
    /// Where.
    pub position: Position,
    /// What differs, in a sentence.
    pub what: String,
    /// The left journal's event there; absent where it ends before, or holds none that can be
    /// read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<EventReference>,
    /// The right journal's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<EventReference>,
    /// The event's fields that differ.
    pub fields: Vec<FieldDifference>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDifference {
    /// Its path, such as `data.amount`.
    pub field: String,
    /// Its value on the left as JSON; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// And on the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
}

/// An event, as far as it takes to know who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventReference {
    /// Where it stands.
    pub position: Position,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What happened, in a few words.
    pub summary: String,
    /// When the journal took it.
    pub recorded_at: Timestamp,
    /// Who.
    pub actor: String,
    /// The idempotency key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

/// Two sets of views, compared row by row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewsDiff {
    /// Whether everything that was compared is the same.
    pub same: bool,
    /// Each projection.
    pub projections: Vec<ProjectionDiff>,
    /// Rows that differ, as many as were asked for.
    pub rows: Vec<RowDifference>,
    /// How many rows differ altogether.
    pub different_rows: u64,
}

/// One projection on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionDiff {
    /// Its name.
    pub name: String,
    /// The position that the left side stands at.
    pub left: Position,
    /// The position that the right side stands at.
    pub right: Position,
    /// Why it was not compared, where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<String>,
    /// Rows that are the same.
    pub same_rows: u64,
    /// Rows that are not.
    pub different_rows: u64,
    /// Tenants that are parked on both sides, and were left out; the catalogue's is empty.
    pub left_out: Vec<String>,
    /// Tenants that are parked on one side only, which is a difference.
    pub parked_on_one_side: Vec<String>,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// The projection that it belongs to.
    pub projection: String,
    /// Its table.
    pub table: &'static str,
    /// Its key.
    pub key: Vec<NamedValue>,
    /// The columns that differ; all of them where only one side has the row.
    pub columns: Vec<ColumnDifference>,
    /// Which event explains it.
    pub cause: Cause,
}

/// A column and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedValue {
    /// The column.
    pub column: &'static str,
    /// Its value.
    pub value: Shown,
}

/// A column that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnDifference {
    /// The column.
    pub column: &'static str,
    /// Its value on the left; absent where the left side has no such row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Shown>,
    /// And on the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<Shown>,
}

/// A value as people and programs read it: bytes as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(pub Cell);

/// Why a row differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// In a sentence.
    pub what: String,
    /// Whether the left row is what the journal gives for the position that it stands at.
    pub left_holds: bool,
    /// Whether the right one is.
    pub right_holds: bool,
    /// The last events that changed the row: those between the two sides' positions, or the last
    /// one before both. None where no event ever made such a row.
    pub events: Vec<EventReference>,
    /// How many more there are of those between.
    pub more_events: u64,
}

impl EventReference {
    /// What is told of an event.
    #[must_use]
    pub fn of(event: &Recorded) -> EventReference {
        let line = AuditLine::of(event);
        EventReference {
            position: line.position,
            event_type: line.event_type.to_string(),
            summary: line.summary.to_string(),
            recorded_at: line.recorded_at,
            actor: line.actor.to_string(),
            command: line.command.map(|label| label.to_string()),
            correlation: line.correlation.map(|label| label.to_string()),
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Cell::Null => serializer.serialize_none(),
            Cell::Int(number) => serializer.serialize_i64(*number),
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Bytes(_) => serializer.collect_str(self),
        }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Cell::Null => f.write_str("NULL"),
            Cell::Int(number) => write!(f, "{number}"),
            Cell::Text(text) => f.write_str(text),
            Cell::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}
