//! From lines to the journal.

use std::io::{self, BufRead};

use quipu_domain::Position;

use super::Progress;
use crate::{AppendError, Appender, BatchRow, Head, JournalError, Lease, Store};
use reader::Reader;

mod reader;

/// Some so many events are compared, or appended in one transaction, at once.
const PAGE_EVENTS: u64 = 4_096;

/// Why an import broke off. Everything before the line that is named is in the book.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A line is not what an export has there, or its hashes do not hold.
    #[error("line {line}: {why}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        why: String,
    },
    /// The book already holds something that the file does not.
    #[error(
        "the book is another one: its row of position {position} is not the one in line {line}"
    )]
    OtherBook {
        /// Where the file's row ends.
        line: u64,
        /// The first position of that row.
        position: Position,
    },
    /// The file cannot be read.
    #[error("export cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The book cannot be opened or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The book does not take the rows.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// What an import led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Events that were added.
    pub added: u64,
    /// Events that were there already, and are the same to the byte.
    pub known: u64,
    /// Where the file ends. The book may go on after that.
    pub end: Head,
}

/// Puts the rows of an export into an empty journal, each after its hashes were computed again.
/// Rows that are there already must be the same to the byte and are skipped, so an import that
/// broke off is gone on with by the same call.
pub fn import(
    store: &dyn Store,
    lease: Lease,
    input: &mut dyn BufRead,
    progress: &mut dyn FnMut(Progress),
) -> Result<Imported, ImportError> {
    let mut reader = Reader::open(input)?;
    // The lease comes first: while it is held nobody else appends.
    let appender = store.acquire(lease)?;
    let book = store.head()?;
    let mut importer = Importer {
        store,
        appender,
        book,
        page: Vec::new(),
        pending: Vec::new(),
        added: 0,
        known: 0,
    };
    let end = reader.end();
    let read = loop {
        match reader.next() {
            Ok(None) => break Ok(()),
            Ok(Some(row)) => importer.row(row, reader.line())?,
            Err(error) => break Err(error),
        }
        progress(Progress { position: reader.position(), end: end.position });
    };
    importer.flush()?;
    read?;
    let end = Head { recorded_at: reader.recorded_at(), ..end };
    Ok(Imported { added: importer.added, known: importer.known, end })
}

struct Importer<'a> {
    store: &'a dyn Store,
    appender: Box<dyn Appender>,
    /// Where the book ended before.
    book: Head,
    /// Rows of the book that are next to be compared, the nearest last.
    page: Vec<BatchRow>,
    pending: Vec<BatchRow>,
    added: u64,
    known: u64,
}

impl Importer<'_> {
    fn row(&mut self, row: BatchRow, line: u64) -> Result<(), ImportError> {
        let events = row.last_position.0 - row.first_position.0 + 1;
        if row.first_position <= self.book.position {
            if self.next_known(row.first_position)?.as_ref() != Some(&row) {
                return Err(ImportError::OtherBook { line, position: row.first_position });
            }
            self.known += events;
            return Ok(());
        }
        self.pending.push(row);
        self.added += events;
        let first = self.pending.first().map_or(Position::ZERO, |row| row.first_position);
        let last = self.pending.last().map_or(Position::ZERO, |row| row.last_position);
        if last.0 - first.0 + 1 >= PAGE_EVENTS { self.flush() } else { Ok(()) }
    }

    fn next_known(&mut self, position: Position) -> Result<Option<BatchRow>, JournalError> {
        if self.page.is_empty() {
            let most = usize::try_from(PAGE_EVENTS).unwrap_or(usize::MAX);
            self.page = self.store.rows_after(Position(position.0 - 1), most)?;
            self.page.reverse();
        }
        Ok(self.page.pop())
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        if !self.pending.is_empty() {
            self.appender.append(std::mem::take(&mut self.pending))?;
        }
        Ok(())
    }
}
