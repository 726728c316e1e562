//! The events of an export: from the first to the one that was the last when it began.

use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use quipu_domain::{Position, Recorded};
use quipu_exports::ExportError;
use quipu_journal::{Journal, Root};
use tokio::runtime::Runtime;

use crate::book::{self, BookArgs};
use crate::error::CliError;
use crate::output;

/// Some so many events are read from the journal at once.
const PAGE_EVENTS: usize = 4_096;

/// Which book, and up to where.
#[derive(Args, Debug)]
pub(super) struct SourceArgs {
    #[command(flatten)]
    book: BookArgs,
    /// Export the book as it was at this position [default: the last]
    #[arg(long, value_name = "POSITION")]
    known_at: Option<u64>,
}

/// A journal up to one position.
pub(super) struct Source {
    journal: Journal,
    until: Position,
    /// The tree head there, where that is the journal's end.
    root: Option<Root>,
    /// Drives the connections for as long as the journal is read.
    _runtime: Runtime,
}

impl Source {
    /// Opens the journal, and settles up to where it is read.
    pub(super) fn open(args: &SourceArgs) -> Result<Source, CliError> {
        let runtime = book::runtime()?;
        let store = book::open_existing_journal(&args.book.place(), runtime.handle())?;
        let journal = Journal::new(Arc::new(store));
        let head = journal.head().map_err(|error| book::journal_unusable(&error))?;
        let until = args.known_at.map_or(head.position, Position);
        if until > head.position {
            return Err(CliError::Malformed {
                what: format!(
                    "there is no position {until}: the journal ends at {}",
                    head.position
                ),
                hint: "leave --known-at out to export all of it".into(),
            });
        }
        let root = (until == head.position).then_some(head.root);
        Ok(Source { journal, until, root, _runtime: runtime })
    }

    /// The last event's position.
    pub(super) const fn until(&self) -> Position {
        self.until
    }

    /// The tree head there, where that is the journal's end.
    pub(super) const fn root(&self) -> Option<Root> {
        self.root
    }

    /// Where what is written comes from, in a line.
    pub(super) fn remark(&self) -> String {
        let root = self.root.map(|root| format!(", root {root}")).unwrap_or_default();
        format!("The book of record up to position {}{root}.", self.until)
    }

    /// Hands all events to `work`, one after the other, and shows how far it is.
    pub(super) fn each(
        &self,
        mut work: impl FnMut(&Recorded) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let bar = ProgressBar::new(self.until.0).with_style(output::events_bar());
        let mut after = Position::ZERO;
        while after < self.until {
            let page = self.journal.page(after, PAGE_EVENTS);
            let page = page.map_err(|error| book::journal_unusable(&error))?;
            for event in page.iter().take_while(|event| event.position <= self.until) {
                work(event)?;
            }
            after = page.last().map_or(self.until, |last| last.position);
            bar.set_position(after.0.min(self.until.0));
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// An event that cannot be written.
pub(super) fn unwritable(error: &ExportError) -> CliError {
    CliError::Unusable {
        what: error.to_string(),
        hint: "nothing was written; `quipu verify` says whether the book holds".into(),
    }
}
