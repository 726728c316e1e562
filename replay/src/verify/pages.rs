//! Reads, hashes and parses the next page of the journal while one is verified: more than a third of
//! all work, on a core of its own.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use quipu_domain::{Position, Recorded};
use quipu_journal::{BatchRow, JournalError, Root, Store, codec, leaf_hash};

/// Some so many events are read from the journal at once.
pub(super) const PAGE_EVENTS: usize = 4_096;

/// Rows in order, or why there are no more.
pub(super) type Page = Result<Vec<ReadRow>, JournalError>;

/// A row as it is stored, and the texts of its events, or why it has none. Nothing is checked yet.
pub(super) struct ReadRow {
    pub(super) row: BatchRow,
    pub(super) texts: Result<Vec<ReadText>, String>,
}

/// The text of an event: its hash in the tree, and what it says at its place, where that can be read.
pub(super) struct ReadText {
    pub(super) leaf: Root,
    pub(super) event: Result<Recorded, JournalError>,
}

/// Hands the whole journal out, page by page, up to its end or to what cannot be read; or until
/// nobody listens.
pub(super) fn read_ahead<'scope>(
    scope: &'scope Scope<'scope, '_>,
    store: &'scope dyn Store,
) -> Receiver<Page> {
    let (sender, pages) = sync_channel(1);
    scope.spawn(move || {
        let mut after = Position::ZERO;
        loop {
            let rows = next_rows(store, after);
            // What a row says of itself may be wrong: then whoever verifies it listens no more.
            let last = rows.as_ref().ok().and_then(|rows| rows.last()).map(|row| row.last_position);
            let page = rows.map(|rows| rows.into_iter().map(ReadRow::of).collect());
            match (sender.send(page), last) {
                (Ok(()), Some(last)) => after = last,
                _ => return,
            }
        }
    });
    pages
}

/// The next rows. Where a page cannot be read, row by row up to the one that cannot.
fn next_rows(store: &dyn Store, after: Position) -> Result<Vec<BatchRow>, JournalError> {
    match store.rows_after(after, PAGE_EVENTS) {
        Err(error) if !error.is_unavailable() => store.rows_after(after, 1),
        rows => rows,
    }
}

impl ReadRow {
    fn of(row: BatchRow) -> ReadRow {
        let positions = (row.first_position.0..).map(Position);
        let read = |(position, text): (Position, &str)| ReadText {
            leaf: leaf_hash(text.as_bytes()),
            event: codec::decode(position, text),
        };
        let texts = codec::split(&row.events);
        let texts = texts.map(|texts| positions.zip(texts).map(read).collect());
        ReadRow { row, texts }
    }
}
