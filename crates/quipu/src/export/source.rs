//! The events of an export: from the first to the one that was the last when it began.

use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use quipu_domain::{Position, Recorded, TenantId};
use quipu_exports::ExportError;
use quipu_journal::{Checked, Journal, JournalError, Root};
use serde::Serialize;

use crate::book::{self, BookArgs, Place};
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
    /// Only this tenant's events, and the catalogue's
    #[arg(long, value_name = "ID")]
    tenant: Option<TenantId>,
}

/// Which book was written: the same position gives the same events.
#[derive(Serialize)]
pub(super) struct Edition {
    position: u64,
    /// The tree head there, where that is the journal's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
}

impl SourceArgs {
    /// Where the book is.
    pub(super) fn place(&self) -> Place {
        self.book.place()
    }

    /// Whether it is not all that is wanted.
    pub(super) const fn is_partial(&self) -> bool {
        self.known_at.is_some() || self.tenant.is_some()
    }
}

/// A journal up to one position.
pub(super) struct Source {
    journal: Journal,
    until: Position,
    /// The tree head there, where that is the journal's end.
    root: Option<Root>,
    tenant: Option<TenantId>,
}

impl Source {
    /// Opens the journal, and settles up to where it is read.
    pub(super) fn open(args: &SourceArgs) -> Result<Source, CliError> {
        let store = book::read_journal(&args.place())?;
        let journal = Journal::new(Arc::new(store));
        let head = journal.head()?;
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
        let tenant = args.tenant.clone();
        Ok(Source { journal, until, root, tenant })
    }

    /// The last event's position.
    pub(super) const fn until(&self) -> Position {
        self.until
    }

    /// Which book it is, for a summary.
    pub(super) fn edition(&self) -> Edition {
        Edition { position: self.until.0, root: self.root.map(|root| root.to_string()) }
    }

    /// Where what is written comes from, in a line.
    pub(super) fn remark(&self) -> String {
        let root = self.root.map(|root| format!(", root {root}")).unwrap_or_default();
        format!("The book of record up to position {}{root}.", self.until)
    }

    /// An event by its position.
    pub(super) fn event(&self, position: Position) -> Result<Option<Recorded>, CliError> {
        Ok(self.journal.events_at(&[position])?.pop())
    }

    /// Whether an event is wanted.
    fn takes(&self, event: &Recorded) -> bool {
        let is_anothers = event.tenant.is_some() && event.tenant != self.tenant;
        event.position <= self.until && !(self.tenant.is_some() && is_anothers)
    }

    /// Hands all events to `work`, one after the other, and shows how far it is. None of them is
    /// another one than was hashed when it was written. Refused in the end where a tenant is wanted
    /// that there is not.
    pub(super) fn each(
        &self,
        mut work: impl FnMut(&Recorded) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let bar = ProgressBar::new(self.until.0).with_style(output::events_bar());
        let mut journal = Checked::new(self.journal.clone());
        let mut is_there = self.tenant.is_none();
        while journal.position() < self.until {
            let page = journal.page(self.until, PAGE_EVENTS)?;
            for event in page.iter().filter(|event| self.takes(event)) {
                is_there |= event.tenant == self.tenant;
                work(event)?;
            }
            bar.set_position(journal.position().0.min(self.until.0));
        }
        bar.finish_and_clear();
        if let Some(tenant) = self.tenant.as_ref().filter(|_| !is_there) {
            return Err(CliError::Refused {
                what: format!("there is no tenant {tenant} up to position {}", self.until),
                hint: "check the id, or leave --tenant out to export everybody's events".into(),
            });
        }
        match self.root.filter(|root| *root != journal.root()) {
            None => Ok(()),
            Some(root) => Err(CliError::from(JournalError::Corrupt {
                position: self.until,
                why: format!("the head's root is {root}, but the rows lead to {}", journal.root()),
            })),
        }
    }
}

/// An event that cannot be written.
pub(super) fn unwritable(error: &ExportError) -> CliError {
    if let ExportError::NotInCodePage { .. } = error {
        return CliError::Malformed {
            what: error.to_string(),
            hint: "nothing was written; use other letters in --company and in --accounts".into(),
        };
    }
    CliError::Unusable {
        what: error.to_string(),
        hint: "nothing was written; `quipu verify` says whether the book holds".into(),
    }
}
