//! Stores to try, and events to put into them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use quipu_database::{Database, Durability, Engine};
use quipu_domain::event::ApplicationEvent;
use quipu_domain::wallet::event::{WalletEvent, WalletFrozen};
use quipu_domain::{
    Event, Label, Metadata, Position, Recorded, Stream, TenantId, Timestamp, Version,
};
use quipu_journal::{
    BatchRow, Index, Journal, KeyWindow, Lease, MemoryStore, SqlStore, Store, Writer,
};
use quipu_testkit::{postgres, sqlite};
use serde_json::value::RawValue;
use tempfile::TempDir;
use uuid::Uuid;

/// Long enough for any lease that will be given back.
pub(crate) const PATIENCE: Lease = Lease::Wait(Duration::from_secs(60));
/// Short segments, so that a few events complete one.
pub(crate) const SEGMENT_LENGTH: usize = 10;
/// Streams that the events are spread over.
pub(crate) const STREAMS: u64 = 3;

pub(crate) struct Bed {
    pub(crate) store: Arc<dyn Store>,
    place: Place,
    _folder: Option<TempDir>,
}

enum Place {
    Memory,
    Sqlite(PathBuf),
    Postgres(String),
}

pub(crate) fn in_memory() -> Bed {
    let store = Arc::new(MemoryStore::new());
    Bed { store, place: Place::Memory, _folder: None }
}

pub(crate) fn on_sqlite() -> Bed {
    let folder = sqlite::folder();
    let path = folder.path().join("journal.db");
    let store = Arc::new(SqlStore::open_sqlite(&path).unwrap());
    Bed { store, place: Place::Sqlite(path), _folder: Some(folder) }
}

pub(crate) fn on_postgres() -> Bed {
    let url = postgres::database();
    let store = Arc::new(SqlStore::connect_postgres(&url).unwrap());
    Bed { store, place: Place::Postgres(url), _folder: None }
}

impl Bed {
    pub(crate) fn open(&self) -> (Writer, Index) {
        let window = KeyWindow::default();
        let store = Arc::clone(&self.store);
        Writer::open_with_segments(store, PATIENCE, window, SEGMENT_LENGTH).unwrap()
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal::new(Arc::clone(&self.store))
    }

    /// A journal with so many events, in commits of different sizes, all segments saved.
    pub(crate) fn with_events(&self, count: u64) -> (Writer, Index) {
        let (mut writer, mut index) = self.open();
        let (mut next, mut size) = (1, 1);
        while next <= count {
            let last = (next + size - 1).min(count);
            append(&mut writer, &mut index, next, last);
            (next, size) = (last + 1, size % 13 + 4);
        }
        (writer, index)
    }

    /// The database under the journal, opened beside it.
    pub(crate) fn database(&self) -> Database {
        match &self.place {
            Place::Memory => unreachable!("no case asks the memory for its database"),
            Place::Sqlite(path) => {
                Database::open_sqlite(path, Durability::Full, &quipu_journal::MIGRATIONS).unwrap()
            }
            Place::Postgres(url) => {
                let migrations = &quipu_journal::MIGRATIONS;
                Database::connect_postgres(url, "public", migrations).unwrap()
            }
        }
    }

    /// Lets the database change the journal, as somebody with its files in his hands can.
    pub(crate) fn without_triggers(&self) -> Database {
        let database = self.database();
        let mut writer = database.writer().unwrap();
        let statements: &[&'static str] = match database.engine() {
            Engine::Sqlite => {
                &["DROP TRIGGER journal_batch_no_update", "DROP TRIGGER journal_batch_no_delete"]
            }
            Engine::Postgres => &["ALTER TABLE journal_batch DISABLE TRIGGER USER"],
        };
        for statement in statements {
            writer.execute(statement, &[]).unwrap();
        }
        database
    }
}

pub(crate) fn append(writer: &mut Writer, index: &mut Index, first: u64, last: u64) {
    let events = events(first, last);
    let appended = writer.append(&events).unwrap();
    assert_eq!(appended.head, writer.head());
    for segment in index.record(&events, &appended) {
        writer.save_segment(&segment).unwrap();
        index.saved(&segment);
    }
}

pub(crate) fn events(first: u64, last: u64) -> Vec<Recorded> {
    (first..=last).map(event).collect()
}

/// The event at a position: the same in every store.
pub(crate) fn event(position: u64) -> Recorded {
    let tenant: TenantId = format!("t_{}", position % STREAMS).parse().unwrap();
    let reason = format!("reason \"{position}\" é").parse().unwrap();
    Recorded {
        position: Position(position),
        stream: Stream::wallet(&tenant),
        version: Version((position - 1) / STREAMS + 1),
        id: Uuid::from_u128(position.into()),
        recorded_at: recorded_at(position),
        effective_at: None,
        metadata: Metadata { command: Some(key(position)), ..Metadata::by(label("local")) },
        tenant: Some(tenant),
        event: Event::Wallet(WalletEvent::WalletFrozen(WalletFrozen { reason })),
    }
}

/// One command makes two events: each key is carried by an even position and the odd one after.
pub(crate) fn key(position: u64) -> Label {
    label(&format!("key-{}", position / 2))
}

/// Ten seconds from event to event.
pub(crate) fn recorded_at(position: u64) -> Timestamp {
    let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    start.plus_seconds(10 * i64::try_from(position).unwrap())
}

/// An event with so many bytes of data.
pub(crate) fn event_with_data(position: u64, bytes: usize) -> Recorded {
    let data = RawValue::from_string(format!("\"{}\"", "x".repeat(bytes - 2))).unwrap();
    let noted = ApplicationEvent { type_name: "Noted".to_owned(), schema: 1, metadata: None, data };
    Recorded {
        stream: Stream::application("note", "1").unwrap(),
        event: Event::Application(noted),
        ..event(position)
    }
}

/// The rows that these events make, one commit each size given.
pub(crate) fn rows(sizes: &[u64]) -> Vec<BatchRow> {
    let bed = in_memory();
    let (mut writer, _) = bed.open();
    let mut next = 1;
    for size in sizes {
        writer.append(&events(next, next + size - 1)).unwrap();
        next += size;
    }
    bed.store.rows_after(Position::ZERO, usize::MAX >> 1).unwrap()
}

pub(crate) fn label(text: &str) -> Label {
    text.parse().unwrap()
}
