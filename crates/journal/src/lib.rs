//! The append-only log of a book: every event, in one order, in a form that proves it is whole.
//!
//! One row per commit holds its events as a JSON array, byte for byte as they were hashed. Each
//! row's `root` is the RFC 6962 tree head over all events up to its last, and its `prev_root` is
//! the root of the row before: unique and a foreign key, so the database itself refuses a fork.
//!
//! - [`Writer`] appends. There is one per journal; it owns the lease, the head and the tree.
//! - [`Journal`] reads: pages, single events, rows as they are stored.
//! - [`Checked`] reads a whole journal, and only what hashes to its roots.
//! - [`Recent`] has the newest events in memory, for one who follows closely.
//! - [`Index`] finds a stream's events and a key's event without a table row per event.
//! - [`SegmentCheck`] compares what is saved of that with the journal.
//! - [`Store`] is what a database has to offer: [`SqlStore`] on SQLite and PostgreSQL,
//!   [`MemoryStore`] for tests and examples.
//! - [`json_lines`] writes a journal as text that needs no Quipu to be read, and restores it.
//! - [`codec`] is the one place where an event becomes text and is read back.
//!
//! **Absent from this crate:** what events mean and whether they are allowed (the domain decides,
//! the engine asks it), clocks and ids (events come complete), balances and reports (views), and
//! threads (whoever owns the writer decides where it runs).

mod batch;
mod checked;
pub mod codec;
mod error;
mod index;
mod journal;
pub mod json_lines;
mod key;
mod memory;
mod page;
mod recent;
mod sql;
mod store;
mod tree;
mod writer;

pub use batch::{BatchRow, Head, MOST_BYTES_IN_EVENT, Root, RootError};
pub use checked::Checked;
pub use codec::StoredEvent;
pub use error::{AppendError, JournalError};
pub use index::{Index, KeyWindow, SegmentCheck, SegmentMisfit};
pub use journal::Journal;
pub use key::{KeyHash, keys_of};
pub use memory::{Fault, MemoryStore};
pub use page::Page;
pub use recent::Recent;
pub use sql::{HeldLease, MIGRATIONS, SqlStore};
pub use store::{
    Appender, Lease, SealedKeys, SealedSegment, SegmentBounds, SegmentEnd, Snapshot, Store,
};
pub use tree::{Tree, leaf_hash, node_hash};
pub use writer::{Appended, Outcome, SEGMENT_LENGTH, Writer};
