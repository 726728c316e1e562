//! A journal, its proofs and its keys.

use std::sync::Arc;
use std::time::Duration;

use quipu_domain::event::ApplicationEvent;
use quipu_domain::{Event, Metadata, Position, Recorded, Stream, Timestamp, Version};
use quipu_journal::{Head, Journal, KeyWindow, Lease, MemoryStore, Root, Writer};
use quipu_proofs::{KeyFolder, ProofStore, Proofs, Publisher};
use serde_json::value::RawValue;
use tempfile::TempDir;
use tlog_tiles::Hash;
use uuid::Uuid;

/// A moment.
pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// When everything happens, unless it is about time.
pub(crate) fn now() -> Timestamp {
    at("2026-11-21T12:00:00Z")
}

pub(crate) struct Book {
    pub(crate) journal: Journal,
    pub(crate) proofs: Proofs,
    pub(crate) keys: KeyFolder,
    pub(crate) folder: TempDir,
    writer: Writer,
}

impl Book {
    /// An empty journal, and a key.
    pub(crate) fn new() -> Book {
        let folder = quipu_testkit::sqlite::folder();
        let keys = KeyFolder::open(&folder.path().join("keys")).unwrap();
        keys.generate(now()).unwrap();
        let checkpoints = ProofStore::open_sqlite(&folder.path().join("proofs.db")).unwrap();
        Book::over(checkpoints, keys, folder)
    }

    pub(crate) fn over(checkpoints: ProofStore, keys: KeyFolder, folder: TempDir) -> Book {
        let store = Arc::new(MemoryStore::new());
        let lease = Lease::Wait(Duration::ZERO);
        let (writer, _) = Writer::open(store.clone(), lease, KeyWindow::default()).unwrap();
        let journal = Journal::new(store);
        let proofs = Proofs::new(checkpoints, journal.clone());
        Book { journal, proofs, keys, folder, writer }
    }

    /// Another journal beside the same checkpoints and keys, as after a restore.
    pub(crate) fn restored(self, events: u64) -> Book {
        let checkpoints = ProofStore::open_sqlite(&self.folder.path().join("proofs.db")).unwrap();
        let mut book = Book::over(checkpoints, self.keys, self.folder);
        book.write(events);
        book
    }

    /// Writes so many more events, in commits of up to 100.
    pub(crate) fn write(&mut self, events: u64) {
        self.write_about("nothing", events);
    }

    pub(crate) fn write_about(&mut self, what: &str, events: u64) {
        let last = self.head().position.0 + events;
        while self.head().position.0 < last {
            let next = self.head().position.0 + 1;
            let batch: Vec<Recorded> =
                (next..=last.min(next + 99)).map(|position| event(position, what)).collect();
            self.writer.append(&batch).unwrap();
        }
    }

    pub(crate) fn head(&self) -> Head {
        self.writer.head()
    }

    pub(crate) fn text(&self, position: u64) -> String {
        self.journal.stored_at(&[Position(position)]).unwrap().remove(0).text
    }

    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher_of(1)
    }

    pub(crate) fn publisher_of(&self, epoch: u64) -> Publisher {
        let name = "example.com/book".parse().unwrap();
        Publisher::new(self.proofs.clone(), self.keys.clone(), &name, epoch)
    }
}

fn event(position: u64, what: &str) -> Recorded {
    let data = RawValue::from_string(format!("\"{what} {position}\"")).unwrap();
    let noted = ApplicationEvent { type_name: "Noted".to_owned(), schema: 1, metadata: None, data };
    Recorded {
        position: Position(position),
        stream: Stream::application("note", "1").unwrap(),
        version: Version(position),
        id: Uuid::from_u128(position.into()),
        recorded_at: now(),
        effective_at: None,
        tenant: None,
        metadata: Metadata::by("test".parse().unwrap()),
        event: Event::Application(noted),
    }
}

/// A hash as the other implementation has it.
pub(crate) fn foreign(root: Root) -> Hash {
    Hash(root.0)
}

pub(crate) fn all_foreign(roots: &[Root]) -> Vec<Hash> {
    roots.iter().copied().map(foreign).collect()
}
