//! From the journal to lines.

use std::io::{self, Write};

use super::Progress;
use super::line::{Header, Mark, written};
use crate::checked::Chain;
use crate::{BatchRow, Head, JournalError, Store};

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

/// Writes the journal up to where it ends now, whatever is appended meanwhile. Whoever reads it checks
/// it; and no row is written that does not hash to its root, because an export is what is kept.
pub fn export(
    store: &dyn Store,
    out: &mut dyn Write,
    progress: &mut dyn FnMut(Progress),
) -> Result<Head, ExportError> {
    let head = store.head()?;
    let header = Header::of(head);
    writeln!(out, "{}", written(&header))?;
    let mut chain = Chain::default();
    while chain.position() < head.position {
        let before = chain.position();
        let rows = store.rows_after(before, PAGE_EVENTS)?;
        for row in rows.iter().take_while(|row| row.first_position <= head.position) {
            write_row(row, &chain.row(row)?, out)?;
        }
        let position = chain.position();
        if position == before {
            let but = format!("the journal goes on to {}", head.position);
            return Err(chain.missing(&but).into());
        }
        progress(Progress { position, end: head.position });
    }
    if chain.root() != head.root {
        let why =
            format!("the head's root is {}, but the rows lead to {}", head.root, chain.root());
        return Err(JournalError::Corrupt { position: head.position, why }.into());
    }
    writeln!(out, "{}", written(&header.end()))?;
    out.flush()?;
    Ok(head)
}

fn write_row(row: &BatchRow, texts: &[&str], out: &mut dyn Write) -> Result<(), ExportError> {
    for text in texts {
        if text.contains('\n') {
            let why = "an event has a line feed, which no export can have within a line".to_owned();
            return Err(JournalError::Corrupt { position: row.first_position, why }.into());
        }
        writeln!(out, "{text}")?;
    }
    Ok(writeln!(out, "{}", written(&Mark::of(row)))?)
}
