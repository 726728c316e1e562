//! `quipu replay`: the views as they were at a moment, in a file of their own.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use quipu_domain::{Position, Timestamp};
use quipu_engine::{Clock as _, SystemClock};
use quipu_journal::{Head, Journal, Root, Store};
use quipu_projections::Projection;
use quipu_views::{KnownAt, Moment, ReplayFile, ViewsError};
use serde::Serialize;

use crate::book::{self, BookArgs};
use crate::error::CliError;
use crate::exit_codes;
use crate::feed::CheckedFeed;
use crate::output::{self, Align, Table};
use crate::signals::Signals;

/// Replay the journal into a SQLite file: the views as they were at a position or a time
///
/// Reads the journal only, works while a server runs, and has no other effect than the file. Read
/// it with sqlite3, or compare it with the views of today by `quipu diff`. An interrupted replay
/// goes on where it was when the same command is given again.
#[derive(Args, Debug)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    book: BookArgs,
    /// The file to make; one that is there is left alone, unless it is an unfinished replay
    #[arg(long, value_name = "FILE.db")]
    to: PathBuf,
    /// The last event to take: a position, or everything that was recorded until a time, such as
    /// 2026-11-20T12:00:00Z [default: all]
    #[arg(long, value_name = "POSITION|TIME", value_parser = until)]
    until: Option<KnownAt>,
    /// Only these projections, between commas [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    views: Vec<String>,
}

/// What was replayed, as it is shown.
#[derive(Serialize)]
struct Shown {
    file: String,
    until: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_at: Option<Timestamp>,
    root_position: Position,
    root: String,
    views: Vec<&'static str>,
    /// Partitions that stopped, as projection and tenant.
    parked: Vec<(String, String)>,
}

/// Replays and says what of.
pub(crate) fn run(args: &ReplayArgs, json: bool) -> Result<u8, CliError> {
    let runtime = book::runtime()?;
    let place = args.book.place();
    let projections = projections(&args.views)?;
    let store = book::read_journal(&place)?;
    let journal = Journal::new(Arc::new(store.clone()));
    let head = store.head()?;
    let until = match args.until {
        None => head.position,
        Some(KnownAt::Position(position)) if position <= head.position => position,
        Some(KnownAt::Position(position)) => return Err(not_yet(position, head)),
        Some(KnownAt::Time(time)) if SystemClock.now() < time => {
            return Err(CliError::Malformed {
                what: format!("{time} lies in the future"),
                hint: "name a moment that has passed, or leave --until out".into(),
            });
        }
        Some(KnownAt::Time(time)) => journal.last_recorded_by(time)?.min(head.position),
    };
    let feed = Arc::new(CheckedFeed::new(journal, until));
    place.refuse_own(&args.to)?;
    let file = ReplayFile::open(&args.to, feed)?;
    let moment = moment(&store, until)?;
    is_of_this_journal(&file, &store)?;
    let signals = Signals::watch(runtime.handle(), "stopping after this transaction")?;
    let bar = ProgressBar::new(0).with_style(output::events_bar());
    let replayed = file.run(&projections, &moment, |progress| {
        bar.set_length(progress.head.0);
        bar.set_position(progress.position.0);
        if signals.have_come() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    bar.finish_and_clear();
    match replayed {
        Err(ViewsError::Interrupted { position }) => {
            output::tell(format_args!(
                "interrupted at position {position}; the same command goes on there"
            ));
            return Ok(exit_codes::INTERRUPTED);
        }
        replayed => replayed?,
    }
    let shown = shown(args, &store, &file, &projections, moment)?;
    if json {
        output::json(&shown)?;
    } else {
        table(&shown).write(&mut io::stdout().lock())?;
    }
    Ok(exit_codes::OK)
}

/// A position, or a time of recording.
fn until(text: &str) -> Result<KnownAt, String> {
    let position = || Position::from_str(text).map(KnownAt::Position);
    let time = || Timestamp::from_str(text).map(KnownAt::Time);
    position().ok().or_else(|| time().ok()).ok_or_else(|| {
        "write a position, such as 17, or a time, such as 2026-11-20T12:00:00Z".to_owned()
    })
}

fn not_yet(position: Position, head: Head) -> CliError {
    CliError::Malformed {
        what: format!("the journal ends at {}, before {position}", head.position),
        hint: "name a position that the journal has, or leave --until out".into(),
    }
}

fn projections(names: &[String]) -> Result<Vec<&'static dyn Projection>, CliError> {
    if names.is_empty() {
        return Ok(quipu_projections::all().to_vec());
    }
    let named = |name: &String| {
        let unknown = || ViewsError::UnknownProjection(name.clone()).into();
        quipu_projections::named(name).ok_or_else(unknown)
    };
    names.iter().map(named).collect()
}

/// What a replay up to a position is of: the tree head at the end of the row that holds it.
fn moment(store: &dyn Store, until: Position) -> Result<Moment, CliError> {
    let rows = store.rows_holding(&[until])?;
    let (root_position, root) =
        rows.first().map_or((until, Root::empty()), |row| (row.last_position, row.root));
    Ok(Moment { until, root_position, root: root.to_string() })
}

/// An unfinished replay of another journal must not be gone on with.
fn is_of_this_journal(file: &ReplayFile, store: &dyn Store) -> Result<(), CliError> {
    match missed(file, store)? {
        None => Ok(()),
        Some(_) => Err(CliError::Unusable {
            what: "the file holds a replay of another journal".into(),
            hint: "name another file, or move this one away".into(),
        }),
    }
}

/// What a file is a replay of, if the journal does not lead to it.
pub(crate) fn missed(file: &ReplayFile, store: &dyn Store) -> Result<Option<Moment>, CliError> {
    let begun = file.moment()?;
    let Some((begun, _)) = begun else { return Ok(None) };
    let found = moment(store, begun.root_position)?;
    let is_it = (found.root_position, &found.root) == (begun.root_position, &begun.root);
    Ok((!is_it).then_some(begun))
}

fn shown(
    args: &ReplayArgs,
    store: &quipu_journal::SqlStore,
    file: &ReplayFile,
    projections: &[&'static dyn Projection],
    moment: Moment,
) -> Result<Shown, CliError> {
    let journal = Journal::new(Arc::new(store.clone()));
    let last = journal.events_at(&[moment.until])?;
    let statuses = file.views().projections(moment.until)?;
    let parked = statuses.iter().flat_map(|status| {
        status.parked.iter().map(|parked| {
            let whose = parked.tenant.as_ref().map_or("the catalogue", |tenant| tenant.as_str());
            (status.name.to_owned(), whose.to_owned())
        })
    });
    Ok(Shown {
        file: args.to.display().to_string(),
        until: moment.until,
        recorded_at: last.first().map(|event| event.recorded_at),
        root_position: moment.root_position,
        root: moment.root,
        views: projections.iter().map(|projection| projection.name()).collect(),
        parked: parked.collect(),
    })
}

fn table(shown: &Shown) -> Table {
    let mut table = Table::new(&[("replayed to", Align::Left), (&shown.file, Align::Left)]);
    let mut line = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    line("until", shown.until.to_string());
    line("recorded at", shown.recorded_at.map(|time| time.to_string()).unwrap_or_default());
    line("root", format!("{} at {}", shown.root, shown.root_position));
    line("views", shown.views.join(", "));
    for (projection, whose) in &shown.parked {
        line("parked", format!("{projection} for {whose}"));
    }
    table
}
