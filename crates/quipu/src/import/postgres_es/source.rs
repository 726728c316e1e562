//! The table, as postgres-es 0.5 makes it, in an order over all its aggregates.

mod check;

use quipu_database::{DatabaseError, ForeignDatabase, ForeignRows, Row, quoted_name};
use quipu_domain::event::ApplicationEvent;
use quipu_domain::{Label, Stream, Timestamp};
use quipu_engine::cqrs::{ACTOR, CORRELATION, schema_of};
use quipu_journal::MOST_BYTES_IN_EVENT;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::error::CliError;

/// Under which key the metadata of an event that was brought over says where it comes from.
pub(super) const ORIGIN: &str = "postgres_es";

/// Who brought an event over whose metadata names no actor.
const ACTOR_OF_IMPORT: &str = "import:postgres-es";

/// A table of events.
pub(super) struct Source {
    database: ForeignDatabase,
    /// As the user named it.
    table: String,
    time_key: String,
}

/// Its events, in order.
pub(super) struct SourceEvents<'a> {
    source: &'a Source,
    rows: ForeignRows<'a>,
}

/// One of them, as the journal is to have it.
pub(super) struct SourceEvent {
    pub(super) stream: Stream,
    pub(super) sequence: u64,
    pub(super) happened_at: Option<Timestamp>,
    pub(super) actor: Label,
    pub(super) correlation: Option<Label>,
    pub(super) event: ApplicationEvent,
}

impl SourceEvent {
    /// Where it stands, for people.
    pub(super) fn place(&self) -> String {
        place(self.stream.as_str(), self.sequence)
    }
}

impl Source {
    pub(super) fn open(url: &str, table: &str, time_key: Option<&str>) -> Result<Source, CliError> {
        let database = ForeignDatabase::connect_postgres(url);
        Ok(Source {
            database: database.map_err(|error| unreadable(table, &error))?,
            table: table.to_owned(),
            // No metadata has an empty key that is a time, so it stands for none.
            time_key: time_key.unwrap_or_default().to_owned(),
        })
    }

    pub(super) fn count(&self) -> Result<u64, CliError> {
        let rows =
            self.query(&format!("SELECT count(*) FROM {}", quoted_name(&self.table)), &[])?;
        let count = rows.first().and_then(|row| row.int(0).ok());
        Ok(count.and_then(|count| count.try_into().ok()).unwrap_or_default())
    }

    /// All events. Times within an aggregate may go back, by clocks that differ: an event is taken
    /// to be no earlier than those before it, so that the order never contradicts a number.
    pub(super) fn events(&self) -> Result<SourceEvents<'_>, CliError> {
        let sql = format!(
            "SELECT aggregate_type, aggregate_id, sequence, event_type, event_version,
                    payload::text, metadata::text, metadata ->> $1::text
             FROM (
                 SELECT *, max((metadata ->> $1::text)::timestamptz) OVER (
                     PARTITION BY aggregate_type, aggregate_id ORDER BY sequence
                 ) AS at FROM {}
             ) AS timed
             ORDER BY at NULLS FIRST, aggregate_type COLLATE \"C\", aggregate_id COLLATE \"C\", sequence",
            quoted_name(&self.table)
        );
        let rows = self.database.stream(&sql, &[self.time_key.as_str().into()]);
        Ok(SourceEvents {
            source: self,
            rows: rows.map_err(|error| unreadable(&self.table, &error))?,
        })
    }

    fn query(&self, sql: &str, params: &[quipu_database::Value]) -> Result<Vec<Row>, CliError> {
        self.database.query(sql, params).map_err(|error| unreadable(&self.table, &error))
    }

    fn event(&self, row: &Row) -> Result<SourceEvent, CliError> {
        let read = || -> Result<_, DatabaseError> {
            let aggregate = (row.text(0)?, row.text(1)?);
            let event = (row.text(3)?, row.text(4)?, row.text(5)?);
            Ok((aggregate, positive(row.int(2)?), event, row.text(6)?, row.optional_text(7)?))
        };
        let ((aggregate_type, id), sequence, (type_name, version, payload), metadata, time) =
            read().map_err(|error| unreadable(&self.table, &error))?;
        let place = place(&format!("{aggregate_type}/{id}"), sequence);
        let refused = |why: &str, hint: &str| CliError::Refused {
            what: format!("table {}: {place}: {why}", self.table),
            hint: format!("what came before it is in the book; {hint}"),
        };
        let stream = Stream::application(aggregate_type, id).ok_or_else(|| {
            refused(
                "no stream can have that name: the type is one of Quipu's own or holds a slash, or a part is empty, not printable or longer than 200 bytes",
                "rename the aggregate in a copy of the table, and where it is used",
            )
        })?;
        let metadata: Value = serde_json::from_str(metadata).unwrap_or_default();
        let Value::Object(metadata) = metadata else {
            return Err(refused("its metadata is not a JSON object", "mend it, and run it again"));
        };
        if metadata.contains_key(ORIGIN) {
            return Err(refused(
                "its metadata has a key postgres_es of its own",
                "rename that key",
            ));
        }
        let known = |key: &str| metadata.get(key).and_then(Value::as_str)?.parse::<Label>().ok();
        let happened_at = time.map(str::parse::<Timestamp>).transpose();
        let event = ApplicationEvent {
            type_name: type_name.to_owned(),
            schema: schema_of(version),
            metadata: Some(self.origin_in(&metadata, version)),
            data: RawValue::from_string(compact(payload))
                .map_err(|_| refused("its payload is not JSON", "mend it, and run it again"))?,
        };
        let bytes = event.data.get().len() + event.metadata.as_ref().map_or(0, |m| m.get().len());
        if bytes > MOST_BYTES_IN_EVENT / 2 {
            let why = format!("it has {bytes} bytes, and at most {} fit", MOST_BYTES_IN_EVENT / 2);
            return Err(refused(&why, "nothing larger can be brought over"));
        }
        Ok(SourceEvent {
            stream,
            sequence,
            happened_at: happened_at.map_err(|_| {
                refused("its time is not in the calendar", "mend it, and run it again")
            })?,
            actor: known(ACTOR)
                .unwrap_or_else(|| ACTOR_OF_IMPORT.parse().expect("the name is a label")),
            correlation: known(CORRELATION),
            event,
        })
    }

    /// What was there, and where it was.
    fn origin_in(&self, metadata: &Map<String, Value>, version: &str) -> Box<RawValue> {
        let mut metadata = metadata.clone();
        let origin = json!({"table": self.table, "event_version": version});
        metadata.insert(ORIGIN.to_owned(), origin);
        let text = Value::Object(metadata).to_string();
        RawValue::from_string(text).expect("what was made of JSON is JSON")
    }
}

impl SourceEvents<'_> {
    /// The next events, at most so many, and why there are no more of them where one is not
    /// acceptable; no event and no reason only at the end.
    pub(super) fn page(
        &mut self,
        most: usize,
    ) -> Result<(Vec<SourceEvent>, Option<CliError>), CliError> {
        let rows = self.rows.page(most).map_err(|error| unreadable(&self.source.table, &error))?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            match self.source.event(row) {
                Ok(event) => events.push(event),
                Err(refused) => return Ok((events, Some(refused))),
            }
        }
        Ok((events, None))
    }
}

fn place(stream: &str, sequence: u64) -> String {
    format!("{stream} number {sequence}")
}

fn positive(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// JSON without the white space between its parts: an event is a line, and numbers and texts stay
/// as they were written.
fn compact(json: &str) -> String {
    let mut compact = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    for char in json.chars() {
        if !in_text && char.is_ascii_whitespace() {
            continue;
        }
        if char == '"' && !escaped {
            in_text = !in_text;
        }
        escaped = in_text && char == '\\' && !escaped;
        compact.push(char);
    }
    compact
}

fn unreadable(table: &str, error: &DatabaseError) -> CliError {
    let what = format!("table {table} cannot be read: {error}");
    if error.is_unavailable() {
        let hint = "check that the database runs and that the URL is right, and try again".into();
        return CliError::Unavailable { what, hint };
    }
    CliError::Unusable {
        what,
        hint: "check --table, and that it has the columns of postgres-es 0.5".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_and_texts_and_numbers_stay() {
        let json = "{ \"a b\" : [1.50,\n\t2e3 ], \"c\\\" \\\\\" : \" \\\" x \" }";
        assert_eq!(compact(json), r#"{"a b":[1.50,2e3],"c\" \\":" \" x "}"#);
    }
}
