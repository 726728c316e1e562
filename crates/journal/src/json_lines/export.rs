//! From the journal to lines.

use std::io::{self, Write};

use super::Progress;
use super::line::{Header, Mark, written};
use crate::{BatchRow, Head, JournalError, Store, codec};
use quipu_domain::Position;

/// Some so many events are read from the store at once.
const PAGE_EVENTS: usize = 4_096;

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal cannot be read, or a row cannot be written as lines.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The output takes no more.
    #[error("export cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Writes the journal up to where it ends now, whatever is appended meanwhile. What is stored is
/// written as it is stored: whether it holds is for the reader to check.
pub fn export(
    store: &dyn Store,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(Progress),
) -> Result<Head, ExportError> {
    let head = store.head()?;
    let header = Header::of(head);
    writeln!(out, "{}", written(&header))?;
    let mut position = Position::ZERO;
    while position < head.position {
        let rows = store.rows_after(position, PAGE_EVENTS)?;
        let rows = rows.iter().take_while(|row| row.first_position <= head.position);
        let before = position;
        for row in rows {
            write_row(row, out)?;
            position = row.last_position;
        }
        if position <= before {
            let why = format!(
                "the row of this position is missing: the journal goes on to {}",
                head.position
            );
            return Err(JournalError::Corrupt { position: before.plus(1), why }.into());
        }
        progress(Progress { position, end: head.position });
    }
    writeln!(out, "{}", written(&header.end()))?;
    out.flush()?;
    Ok(head)
}

fn write_row(row: &BatchRow, out: &mut dyn Write) -> Result<(), ExportError> {
    let corrupt = |why: String| JournalError::Corrupt { position: row.first_position, why };
    for text in codec::split(&row.events).map_err(corrupt)? {
        if text.contains('\n') {
            let why = "an event has a line feed, which was not there when it was hashed";
            return Err(corrupt(why.to_owned()).into());
        }
        writeln!(out, "{text}")?;
    }
    Ok(writeln!(out, "{}", written(&Mark::of(row)))?)
}
