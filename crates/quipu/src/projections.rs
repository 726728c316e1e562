//! `quipu projections`: how far the views are, and building them anew.

use std::io::{self, Write as _};
use std::ops::ControlFlow;

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use quipu_domain::TenantId;
use quipu_journal::Journal;
use quipu_views::{ParkedPartition, ProjectionStatus, RetryOutcome};
use serde::Serialize;

use crate::book::{self, Book, BookArgs};
use crate::error::CliError;
use crate::exit_codes;
use crate::output::{self, Align, Table};

/// Show how far each projection's view is, or build it anew
///
/// Opens the store itself, and works while a server runs.
#[derive(Args, Debug)]
pub(crate) struct ProjectionsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show how far each is, and which partitions are parked
    List {
        #[command(flatten)]
        book: BookArgs,
    },
    /// Build one anew from the journal, or all; the old rows serve until the new ones take over
    Rebuild {
        /// Which; all where absent
        name: Option<String>,
        #[command(flatten)]
        book: BookArgs,
    },
    /// Let a parked partition go on, after what stopped it is mended
    Retry {
        /// Which projection
        name: String,
        /// Whose partition; the catalogue's where absent
        tenant: Option<TenantId>,
        #[command(flatten)]
        book: BookArgs,
    },
}

/// Does what was asked.
pub(crate) fn run(args: &ProjectionsArgs, json: bool) -> Result<u8, CliError> {
    let runtime = book::runtime()?;
    let open = |book: &BookArgs| Book::open_existing(&book.place(), runtime.handle());
    match &args.what {
        What::List { book } => list(&open(book)?, json),
        What::Rebuild { name, book } => rebuild(&open(book)?, name.as_deref(), json),
        What::Retry { name, tenant, book } => retry(&open(book)?, name, tenant.as_ref(), json),
    }
}

/// A projection as it is shown.
#[derive(Serialize)]
struct Shown {
    name: &'static str,
    question: &'static str,
    version: u32,
    position: u64,
    lag_events: u64,
    parked: Vec<ShownParked>,
}

/// A parked partition as it is shown.
#[derive(Serialize)]
struct ShownParked {
    /// Absent for the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
    position: u64,
    error: String,
    parked_at: String,
}

impl From<ParkedPartition> for ShownParked {
    fn from(parked: ParkedPartition) -> ShownParked {
        ShownParked {
            tenant: parked.tenant,
            position: parked.position.0,
            error: parked.error,
            parked_at: parked.parked_at.to_string(),
        }
    }
}

impl From<ProjectionStatus> for Shown {
    fn from(status: ProjectionStatus) -> Shown {
        Shown {
            name: status.name,
            question: status.question,
            version: status.version,
            position: status.position.0,
            lag_events: status.lag,
            parked: status.parked.into_iter().map(ShownParked::from).collect(),
        }
    }
}

impl ShownParked {
    fn line(&self) -> String {
        let whose = self.tenant.as_ref().map_or("the catalogue", TenantId::as_str);
        format!("{whose} at {}: {}", self.position, self.error)
    }
}

fn list(book: &Book, json: bool) -> Result<u8, CliError> {
    let head = Journal::new(book.store()).head().map_err(|error| book::journal_unusable(&error))?;
    let statuses = book.views.projections(head.position);
    let statuses = statuses.map_err(|error| book::views_unusable(&error))?;
    let shown: Vec<Shown> = statuses.into_iter().map(Shown::from).collect();
    if json {
        output::json(&shown)?;
        return Ok(exit_codes::OK);
    }
    let mut table = Table::new(&[
        ("projection", Align::Left),
        ("version", Align::Right),
        ("position", Align::Right),
        ("behind", Align::Right),
        ("parked", Align::Right),
        ("question", Align::Left),
    ]);
    for projection in &shown {
        table.row(vec![
            projection.name.to_owned(),
            projection.version.to_string(),
            projection.position.to_string(),
            projection.lag_events.to_string(),
            projection.parked.len().to_string(),
            projection.question.to_owned(),
        ]);
    }
    let mut out = io::stdout().lock();
    table.write(&mut out)?;
    for projection in &shown {
        for parked in &projection.parked {
            writeln!(out, "{} is parked for {}", projection.name, parked.line())?;
        }
    }
    Ok(exit_codes::OK)
}

fn rebuild(book: &Book, name: Option<&str>, json: bool) -> Result<u8, CliError> {
    let bar = ProgressBar::new(0).with_style(output::events_bar());
    let rebuilt = book.views.rebuild(name, |progress| {
        bar.set_length(progress.head.0);
        bar.set_position(progress.position.0);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    rebuilt.map_err(|error| book::views_unusable(&error))?;
    let what =
        name.map_or_else(|| "all projections".to_owned(), |name| format!("projection {name}"));
    if json {
        output::json(&serde_json::json!({ "rebuilt": name.unwrap_or("all") }))?;
    } else {
        writeln!(io::stdout(), "{what} rebuilt from the journal")?;
    }
    Ok(exit_codes::OK)
}

fn retry(book: &Book, name: &str, tenant: Option<&TenantId>, json: bool) -> Result<u8, CliError> {
    let outcome = book.views.retry(name, &tenant.cloned());
    let outcome = outcome.map_err(|error| book::views_unusable(&error))?;
    let whose = tenant.map_or("the catalogue", TenantId::as_str);
    let (status, what, parked) = match outcome {
        RetryOutcome::NotParked => {
            ("not_parked", format!("{name} is not parked for {whose}"), None)
        }
        RetryOutcome::Healed { events } => {
            let applied = output::count(events, "event");
            ("healed", format!("{name} goes on for {whose}: {applied} applied"), None)
        }
        RetryOutcome::StillParked(parked) => {
            let parked = ShownParked::from(parked);
            let what = format!("{name} is still parked for {}", parked.line());
            ("still_parked", what, Some(parked))
        }
    };
    let code = if parked.is_none() { exit_codes::OK } else { exit_codes::REFUSED };
    if json {
        output::json(&serde_json::json!({ "status": status, "parked": parked }))?;
    } else {
        writeln!(io::stdout(), "{what}")?;
    }
    Ok(code)
}
