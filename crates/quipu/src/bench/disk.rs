//! What a book takes on disk.

use std::path::Path;

use quipu_database::{Connection, DatabaseError, Engine, Value};
use quipu_load::ratio;
use serde::Serialize;

use crate::book::{Book, Place};
use crate::error::CliError;

/// Bytes on disk, apart for the truth and what is derived from it, set against the payload: the
/// events' texts as the journal keeps them.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Disk {
    /// Events in the book.
    events: u64,
    /// The events' texts, for each event.
    payload_bytes_per_event: f64,
    /// The journal with its indexes and caches.
    journal_bytes_per_event: f64,
    /// The views.
    views_bytes_per_event: f64,
    /// Journal and views together over the payload.
    disk_over_payload: f64,
}

impl Disk {
    /// Measures a book that nobody writes to. SQLite's files must be measured before it is opened
    /// again: opening makes new write-ahead logs beside them.
    pub(super) fn measure(
        place: &Place,
        open: impl FnOnce() -> Result<Book, CliError>,
    ) -> Result<Disk, CliError> {
        let files = match place {
            Place::Folder(folder) => Some((size(folder, "journal.db")?, size(folder, "views.db")?)),
            Place::Postgres(_) => None,
        };
        let book = open()?;
        let database = book.journal.database();
        let measured = database.writer().and_then(|mut connection| {
            let (journal, views) = match files {
                Some(sizes) => sizes,
                None => {
                    (schema(&mut connection, "public")?, schema(&mut connection, "quipu_views")?)
                }
            };
            let (events, payload) = payload(&mut connection)?;
            Ok(Disk {
                events,
                payload_bytes_per_event: ratio(payload, events),
                journal_bytes_per_event: ratio(journal, events),
                views_bytes_per_event: ratio(views, events),
                disk_over_payload: ratio(journal + views, payload),
            })
        });
        measured.map_err(|error| CliError::Unavailable {
            what: format!("the book's size cannot be read: {error}"),
            hint: "check that the database runs, and run it again".into(),
        })
    }
}

/// A SQLite file with what belongs to it.
fn size(folder: &Path, name: &str) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(name) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// A schema's tables with their indexes and long values.
fn schema(connection: &mut Connection, name: &str) -> Result<u64, DatabaseError> {
    const SQL: &str = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND n.nspname = $1";
    number(connection, SQL, &[Value::Text(name.into())])
}

/// Events, and the bytes of their texts.
fn payload(connection: &mut Connection) -> Result<(u64, u64), DatabaseError> {
    const EVENTS: &str = "SELECT max(last_position) FROM journal_batch";
    const SQLITE: &str = "SELECT sum(octet_length(events)) FROM journal_batch";
    const POSTGRES: &str = "SELECT sum(octet_length(events))::bigint FROM journal_batch";
    let events = number(connection, EVENTS, &[])?;
    let sql = match connection.engine() {
        Engine::Sqlite => SQLITE,
        Engine::Postgres => POSTGRES,
    };
    Ok((events, number(connection, sql, &[])?))
}

fn number(
    connection: &mut Connection,
    sql: &'static str,
    params: &[Value],
) -> Result<u64, DatabaseError> {
    let rows = connection.query(sql, params)?;
    rows.first().map_or(Ok(0), |row| row.int(0).map(i64::unsigned_abs))
}
