//! `quipu import postgres-es`: the history of aggregates that live in a table of postgres-es.
//!
//! postgres-es numbers the events of each aggregate, and has no order over all of them. The order
//! chosen here never contradicts a number, and where the events say in their metadata when they
//! happened, it follows that. Nothing is remembered on this side: how far an aggregate has come is
//! the version of its stream, so the same command goes on after whatever stopped it.

mod already;
mod source;

use std::time::Duration;

use clap::Args;
use futures::future::join_all;
use indicatif::ProgressBar;
use quipu_domain::Metadata;
use quipu_engine::{Append, Engine, EngineError, Options};
use quipu_journal::{JournalError, Lease};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::book::{self, Book, BookArgs};
use crate::error::CliError;
use crate::exit_codes;
use crate::output::{self, Align, Table};
use already::{Already, Step};
use source::{Source, SourceEvent};

/// Events that are decided before the first of them is waited for.
const EVENTS_AT_ONCE: usize = 1_000;

/// Bring the events of cqrs-es aggregates over from a PostgreSQL table of postgres-es
///
/// Stop the server first: the import writes the journal itself. The table is only read. Each
/// event keeps its aggregate's type and id (as the stream TYPE/ID), its number (as the version), its
/// type, its payload, and in its metadata all that was there and the version it was written in.
///
/// The order over all aggregates: by the time that --time-key names in the metadata, but never
/// before an earlier event of the same aggregate; then by type, id and number. Without
/// --time-key, by type, id and number alone.
///
/// Run it as often as you like: what the book has is not brought again, so after an interruption, or
/// when the table has grown, the same command goes on where it stopped.
#[derive(Args, Debug)]
pub(super) struct PostgresEsArgs {
    /// The database that holds the table, postgres://user@host/name
    #[arg(value_name = "URL")]
    url: String,
    /// The table, as NAME or SCHEMA.NAME
    #[arg(long, value_name = "NAME", default_value = "events")]
    table: String,
    /// The metadata's key that says when an event happened, as RFC 3339; it orders the events and
    /// becomes when they count
    #[arg(long, value_name = "KEY")]
    time_key: Option<String>,
    #[command(flatten)]
    book: BookArgs,
}

/// What was done.
#[derive(Default, Serialize)]
struct Summary {
    events: u64,
    appended: u64,
    already_there: u64,
    aggregates: u64,
}

/// Brings everything over that the book does not have.
pub(super) fn run(args: &PostgresEsArgs, json: bool) -> Result<u8, CliError> {
    let runtime = book::runtime()?;
    let source = Source::open(&args.url, &args.table, args.time_key.as_deref())?;
    source.check()?;
    let book = Book::open(&args.book.place())?;
    let engine = start(&book)?;
    book.refuse_another_history()?;
    refuse_unsaid_loss(&book, &engine)?;
    let mut import = Import {
        already: Already::in_journal(engine.journal(), &args.table)?,
        engine,
        runtime,
        summary: Summary::default(),
        progress: ProgressBar::new(source.count()?).with_style(output::events_bar()),
    };
    let ended = import.all(&source);
    import.progress.finish_and_clear();
    import.runtime.block_on(import.engine.shutdown());
    import.summary.aggregates = import.already.aggregates();
    import.summary.write(json)?;
    ended?;
    Ok(exit_codes::OK)
}

fn start(book: &Book) -> Result<Engine, CliError> {
    let options = Options { lease: Lease::Wait(Duration::from_secs(1)), ..Options::default() };
    Engine::start(book.store(), options).map_err(|error| match error {
        JournalError::LeaseHeld { .. } => CliError::Unavailable {
            what: error.to_string(),
            hint: "the import writes the journal itself: stop the server, and run it again".into(),
        },
        error => error.into(),
    })
}

/// A journal that was restored says first what it has lost: a server does, with the keys that signed.
fn refuse_unsaid_loss(book: &Book, engine: &Engine) -> Result<(), CliError> {
    let proofs = book::open_proofs(&book.place, engine.journal().clone())?;
    if proofs.holds_newest()? {
        return Ok(());
    }
    Err(CliError::Unusable {
        what: "the journal does not lead to the checkpoint that was published last: its end is \
               missing, or it goes on otherwise"
            .into(),
        hint: "restore the whole journal, or start `quipu serve` once, which says in the journal \
               what was lost; nothing was written"
            .into(),
    })
}

/// One run over one table.
struct Import {
    engine: Engine,
    already: Already,
    runtime: Runtime,
    summary: Summary,
    progress: ProgressBar,
}

impl Import {
    fn all(&mut self, source: &Source) -> Result<(), CliError> {
        let mut events = source.events()?;
        loop {
            let (page, refused) = events.page(EVENTS_AT_ONCE)?;
            let count = page.len() as u64;
            self.page(page)?;
            self.summary.events += count;
            self.progress.inc(count);
            if let Some(refused) = refused {
                return Err(refused);
            }
            if count == 0 {
                return Ok(());
            }
        }
    }

    /// Appends what is new of a page. The engine takes appends in the order in which they are
    /// sent, decides each on the one before, and makes as many durable at once as have come.
    fn page(&mut self, page: Vec<SourceEvent>) -> Result<(), CliError> {
        let mut places = Vec::new();
        let mut appends = Vec::new();
        for event in page {
            match self.already.step(&event)? {
                Step::There => self.summary.already_there += 1,
                Step::Next(expected) => {
                    places.push(event.place());
                    let append = Append {
                        stream: event.stream,
                        expected,
                        effective_at: event.happened_at,
                        events: vec![event.event],
                        metadata: Metadata {
                            correlation: event.correlation,
                            ..Metadata::by(event.actor)
                        },
                    };
                    appends.push(self.engine.append(append));
                }
            }
        }
        let appended = self.runtime.block_on(join_all(appends));
        for (place, appended) in places.into_iter().zip(appended) {
            appended.map_err(|error| failed(&place, &error))?;
            self.summary.appended += 1;
        }
        Ok(())
    }
}

fn failed(place: &str, error: &EngineError) -> CliError {
    let what = format!("{place}: {error}");
    match error {
        EngineError::EventTooLarge { .. } => CliError::Refused {
            what,
            hint: "what came before it is in the book; a journal takes no larger events".into(),
        },
        _ => CliError::Unavailable {
            what,
            hint: "what came before it is in the book; run the same command again to go on".into(),
        },
    }
}

impl Summary {
    fn write(&self, json: bool) -> Result<(), CliError> {
        if json {
            return output::json(self);
        }
        let mut table = Table::new(&[
            ("events of the table", Align::Left),
            (&self.events.to_string(), Align::Right),
        ]);
        table.row(vec!["brought over now".into(), self.appended.to_string()]);
        table.row(vec!["in the book before".into(), self.already_there.to_string()]);
        table.row(vec!["aggregates".into(), self.aggregates.to_string()]);
        Ok(table.write(&mut std::io::stdout().lock())?)
    }
}
