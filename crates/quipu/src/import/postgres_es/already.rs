//! What the book has of a table: so much of each aggregate, and that it is the same.

use std::collections::HashMap;

use quipu_domain::event::ApplicationEvent;
use quipu_domain::{Event, Position, Recorded, Stream, Timestamp, Version};
use quipu_journal::Journal;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::source::{ORIGIN, SourceEvent};
use crate::error::CliError;

/// Events that are read from the journal at once.
const EVENTS_AT_ONCE: usize = 10_000;

/// Why the two cannot go on together.
const OTHERS: &str =
    "the book has other events up to here than the table, or has them at other times";
const GONE_ON: &str = "the book has gone on with events of its own, and the table with others";

/// How far each aggregate has come.
pub(super) struct Already(HashMap<Stream, Progress>);

/// One aggregate in the book, and how far the table has been compared with it.
#[derive(Default)]
struct Progress {
    /// Its last event that came from the table.
    version: u64,
    /// Of all those events.
    digest: [u8; 32],
    /// Whether others follow them, which the table knows nothing of.
    moved_on: bool,
    /// Events of the table that this run has seen.
    seen: u64,
    seen_digest: [u8; 32],
}

/// What to do with an event of the table.
pub(super) enum Step {
    /// It is in the book.
    There,
    /// It comes next, after this version of its stream.
    Next(Version),
}

impl Already {
    /// Reads the whole journal, once.
    pub(super) fn in_journal(journal: &Journal, table: &str) -> Result<Already, CliError> {
        let mut already = Already(HashMap::new());
        let mut after = Position::ZERO;
        loop {
            let page = journal.page(after, EVENTS_AT_ONCE)?;
            let Some(last) = page.last() else { return Ok(already) };
            after = last.position;
            page.iter().for_each(|recorded| already.note(recorded, table));
        }
    }

    /// How many aggregates there are.
    pub(super) fn aggregates(&self) -> u64 {
        self.0.len() as u64
    }

    fn note(&mut self, recorded: &Recorded, table: &str) {
        let Event::Application(event) = &recorded.event else { return };
        let progress = self.0.entry(recorded.stream.clone()).or_default();
        if came_from(event, table) && !progress.moved_on {
            progress.version = recorded.version.0;
            progress.digest = digest(progress.digest, event, recorded.effective_at);
        } else {
            progress.moved_on = true;
        }
    }

    /// Takes the next event of the table into account.
    pub(super) fn step(&mut self, event: &SourceEvent) -> Result<Step, CliError> {
        let progress = self.0.entry(event.stream.clone()).or_default();
        progress.seen += 1;
        progress.seen_digest = digest(progress.seen_digest, &event.event, event.happened_at);
        if progress.seen < progress.version {
            return Ok(Step::There);
        }
        if progress.seen == progress.version {
            return match progress.seen_digest == progress.digest {
                true => Ok(Step::There),
                false => Err(refused(event, OTHERS, "name --time-key as it was at first")),
            };
        }
        if progress.moved_on {
            return Err(refused(event, GONE_ON, "only one of the two can go on"));
        }
        Ok(Step::Next(Version(progress.seen - 1)))
    }
}

fn refused(event: &SourceEvent, why: &str, hint: &str) -> CliError {
    CliError::Refused {
        what: format!("{}: {why}", event.place()),
        hint: format!("{hint}; import into a new book to compare them"),
    }
}

/// Whether an event was brought over from this table.
fn came_from(event: &ApplicationEvent, table: &str) -> bool {
    #[derive(Deserialize)]
    struct Origins {
        #[serde(rename = "postgres_es")]
        origin: Option<Origin>,
    }
    #[derive(Deserialize)]
    struct Origin {
        table: String,
    }
    let Some(metadata) = event.metadata.as_ref().filter(|bag| bag.get().contains(ORIGIN)) else {
        return false;
    };
    let origins = serde_json::from_str::<Origins>(metadata.get());
    origins.is_ok_and(|origins| origins.origin.is_some_and(|origin| origin.table == table))
}

/// A digest of what came before and an event, with the moment from which it counts, if it names one.
fn digest(before: [u8; 32], event: &ApplicationEvent, at: Option<Timestamp>) -> [u8; 32] {
    let metadata = event.metadata.as_ref().map_or("", |metadata| metadata.get());
    // Neither JSON nor names that PostgreSQL stores have a zero byte, so one ends each part.
    let mut hash = Sha256::new().chain_update(before).chain_update(event.schema.to_be_bytes());
    for part in [event.type_name.as_str(), metadata, event.data.get()] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(at.map_or_else(String::new, |at| at.to_string()));
    hash.update([0]);
    hash.finalize().into()
}
