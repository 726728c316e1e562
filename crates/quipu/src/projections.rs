//! `quipu projections`: how far the views are, and building them anew.

use std::io::{self, Write as _};
use std::ops::ControlFlow;

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use quipu_domain::{Label, TenantId};
use quipu_journal::Journal;
use quipu_views::{
    ParkedPartition, ProjectionStatus, Rebuilding, RetryOutcome, SkippedEvent, ViewsError,
};
use serde::Serialize;

use crate::book::{self, Book, BookArgs};
use crate::error::CliError;
use crate::exit_codes;
use crate::output::{self, Align, Table};
use crate::signals::Signals;

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
    ///
    /// Ctrl-C breaks it off; the same command goes on where it was.
    Rebuild {
        /// Which; all where absent
        name: Option<String>,
        #[command(flatten)]
        book: BookArgs,
    },
    /// End a rebuild that is under way or was broken off, and throw away what it has built
    Cancel {
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
    /// Let a parked partition go on without the event that stopped it
    ///
    /// That event is left out of this projection, in rebuilds too, until the projection gets a
    /// higher version; lists, metrics and `quipu verify` keep saying so. Where it is left out
    /// of tenants or book_history, no period is closed.
    Skip {
        /// Which projection
        name: String,
        /// Whose partition; the catalogue's where absent
        tenant: Option<TenantId>,
        /// Why it is right to leave the event out
        #[arg(long, value_name = "TEXT")]
        reason: Label,
        #[command(flatten)]
        book: BookArgs,
    },
}

/// Does what was asked.
pub(crate) fn run(args: &ProjectionsArgs, json: bool) -> Result<u8, CliError> {
    let runtime = book::runtime()?;
    let open = |book: &BookArgs| Book::open_existing(&book.place());
    match &args.what {
        What::List { book } => list(&Book::read(&book.place())?, json),
        What::Rebuild { name, book } => {
            let signals = Signals::watch(runtime.handle(), "stopping after this transaction")?;
            rebuild(&open(book)?, name.as_deref(), &signals, json)
        }
        What::Cancel { book } => cancel(&open(book)?, json),
        What::Retry { name, tenant, book } => {
            let outcome = open(book)?.views.retry(name, tenant);
            resumed(name, tenant.as_ref(), outcome, json)
        }
        What::Skip { name, tenant, reason, book } => {
            let outcome = open(book)?.views.skip(name, tenant, reason);
            if matches!(outcome, Ok(RetryOutcome::Healed { .. } | RetryOutcome::StillParked(_))) {
                output::tell(format_args!(
                    "{name} no longer follows the whole journal for {}: `quipu projections list` \
                     says what it leaves out, and why",
                    whose(tenant.as_ref())
                ));
            }
            resumed(name, tenant.as_ref(), outcome, json)
        }
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<ShownSkipped>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilding: Option<ShownRebuilding>,
}

/// An event that was left out, as it is shown.
#[derive(Serialize)]
struct ShownSkipped {
    /// Absent for the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
    position: u64,
    error: String,
    reason: String,
    skipped_at: String,
}

/// New rows in the making, as they are shown.
#[derive(Serialize)]
struct ShownRebuilding {
    version: u32,
    position: u64,
    percent: u64,
}

impl ShownRebuilding {
    fn of(rebuilding: &Rebuilding, head: u64) -> ShownRebuilding {
        let position = rebuilding.position.0;
        let percent = position.saturating_mul(100) / head.max(1);
        ShownRebuilding { version: rebuilding.version, position, percent }
    }
}

impl From<SkippedEvent> for ShownSkipped {
    fn from(skipped: SkippedEvent) -> ShownSkipped {
        ShownSkipped {
            tenant: skipped.tenant,
            position: skipped.position.0,
            error: skipped.error,
            reason: skipped.reason,
            skipped_at: skipped.skipped_at.to_string(),
        }
    }
}

impl ShownSkipped {
    fn line(&self) -> String {
        let whose = whose(self.tenant.as_ref());
        format!("event {} of {whose}: {} ({})", self.position, self.reason, self.error)
    }
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
            rebuilding: status
                .rebuilding
                .map(|rebuilding| ShownRebuilding::of(&rebuilding, status.position.0 + status.lag)),
            parked: status.parked.into_iter().map(ShownParked::from).collect(),
            skipped: status.skipped.into_iter().map(ShownSkipped::from).collect(),
        }
    }
}

impl ShownParked {
    fn line(&self) -> String {
        format!("{} at {}: {}", whose(self.tenant.as_ref()), self.position, self.error)
    }
}

fn whose(tenant: Option<&TenantId>) -> &str {
    tenant.map_or("the catalogue", TenantId::as_str)
}

fn list(book: &Book, json: bool) -> Result<u8, CliError> {
    let head = Journal::new(book.store()).head()?;
    let statuses = book.views.projections(head.position)?;
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
        for skipped in &projection.skipped {
            writeln!(out, "{} was made without {}", projection.name, skipped.line())?;
        }
        if let Some(ShownRebuilding { version, position, percent }) = &projection.rebuilding {
            let (name, position) = (projection.name, position);
            writeln!(
                out,
                "{name} is being built anew: version {version}, at {position} ({percent} %)"
            )?;
        }
    }
    Ok(exit_codes::OK)
}

fn rebuild(book: &Book, name: Option<&str>, signals: &Signals, json: bool) -> Result<u8, CliError> {
    let bar = ProgressBar::new(0).with_style(output::events_bar());
    let rebuilt = book.views.rebuild(name, |progress| {
        bar.set_length(progress.head.0);
        bar.set_position(progress.position.0);
        if signals.have_come() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    bar.finish_and_clear();
    match rebuilt {
        Err(ViewsError::Interrupted { position }) => {
            output::tell(format_args!(
                "interrupted at position {position}; the old rows serve. The same command goes on \
                 there; `quipu projections cancel` throws away what was built"
            ));
            return Ok(exit_codes::INTERRUPTED);
        }
        rebuilt => rebuilt?,
    }
    let what =
        name.map_or_else(|| "all projections".to_owned(), |name| format!("projection {name}"));
    if json {
        output::json(&serde_json::json!({ "rebuilt": name.unwrap_or("all") }))?;
    } else {
        writeln!(io::stdout(), "{what} rebuilt from the journal")?;
    }
    Ok(exit_codes::OK)
}

fn cancel(book: &Book, json: bool) -> Result<u8, CliError> {
    let stopped = book.views.cancel_rebuild()?;
    if json {
        let names: Vec<&str> = stopped.iter().map(|rebuilding| rebuilding.projection).collect();
        output::json(&serde_json::json!({ "cancelled": names }))?;
        return Ok(exit_codes::OK);
    }
    let mut out = io::stdout().lock();
    if stopped.is_empty() {
        writeln!(out, "nothing is being rebuilt")?;
    }
    for Rebuilding { projection, version, position } in stopped {
        writeln!(out, "{projection}: version {version} is cancelled at {position}")?;
    }
    Ok(exit_codes::OK)
}

/// Shows what became of a parked partition that was let go on.
fn resumed(
    name: &str,
    tenant: Option<&TenantId>,
    outcome: Result<RetryOutcome, ViewsError>,
    json: bool,
) -> Result<u8, CliError> {
    let whose = whose(tenant);
    let (status, what, parked) = match outcome? {
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
