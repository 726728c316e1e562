//! `quipu diff`: what is not the same in two journals or two sets of views, and why.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use quipu_journal::Store;
use quipu_replay::diff::{self, Cause, EventReference, JournalsDiff, RowDifference, ViewsDiff};
use quipu_replay::{Progress, ReplayError, ViewSource};
use quipu_views::{Moment, ReplayFile, ViewsError};

use crate::book::{self, Book, BookArgs, Place};
use crate::error::CliError;
use crate::exit_codes;
use crate::output::{self, Align, Table};
use crate::replay;
use crate::snapshot_source::SnapshotSource;

/// Compare the views with the journal or with a replay, or two journals with each other
///
/// With one book: its views against a fresh fold of its journal, or against FILE.db, which `quipu
/// replay` made. With two (left and right): their journals, up to the first event that is not the
/// same. Each row that differs is told with the event that explains it. Reads only, and works while
/// a server runs. Exits with 0 where both are the same, with 1 where they are not.
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// A file that `quipu replay` made, to compare the views with
    #[arg(value_name = "FILE.db")]
    file: Option<PathBuf>,
    /// A book in a folder; twice to compare two
    #[arg(long, value_name = "DIR", num_args = 1)]
    data: Vec<PathBuf>,
    /// A book in a PostgreSQL database; it is the right one where the other is in a folder
    #[arg(long, value_name = "URL", num_args = 1)]
    database: Vec<String>,
    /// How many rows to tell and to explain; all that differ are counted
    #[arg(long, value_name = "ROWS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

/// Compares and shows what differs.
pub(crate) fn run(args: &DiffArgs, json: bool) -> Result<u8, CliError> {
    let folders = args.data.iter().cloned().map(Place::Folder);
    let places: Vec<Place> =
        folders.chain(args.database.iter().cloned().map(Place::Postgres)).collect();
    let bar = ProgressBar::new(0).with_style(output::events_bar());
    let mut progress = |progress: Progress| {
        bar.set_length(progress.head.0);
        bar.set_position(progress.position.0);
    };
    let same = match (places.as_slice(), &args.file) {
        ([left, right], None) => {
            let diff = journals(left, right, &mut progress)?;
            bar.finish_and_clear();
            show(json, &diff, |out| write_journals(&diff, out))?;
            diff.same
        }
        ([] | [_], file) => {
            let place = places.first().cloned().unwrap_or_else(|| BookArgs::default().place());
            let most_rows = usize::try_from(args.limit).unwrap_or(usize::MAX);
            let diff = views(&place, file.as_ref(), most_rows, &mut progress)?;
            bar.finish_and_clear();
            let right = if file.is_some() { "the replay" } else { "the journal" };
            show(json, &diff, |out| write_views(&diff, right, out))?;
            diff.same
        }
        _ => {
            return Err(CliError::Malformed {
                what: "that is too much to compare".into(),
                hint: "name one book, one book and FILE.db, or two books".into(),
            });
        }
    };
    Ok(if same { exit_codes::OK } else { exit_codes::DIFFERENT })
}

fn show(
    json: bool,
    diff: &impl serde::Serialize,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), CliError> {
    if json {
        return output::json(diff);
    }
    Ok(write(&mut io::stdout().lock())?)
}

fn journals(
    left: &Place,
    right: &Place,
    progress: &mut dyn FnMut(Progress),
) -> Result<JournalsDiff, CliError> {
    let [left, right] = [left, right].map(book::read_journal);
    Ok(diff::journals(&left?, &right?, progress)?)
}

fn views(
    place: &Place,
    file: Option<&PathBuf>,
    most_rows: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<ViewsDiff, CliError> {
    let book = Book::read(place)?;
    let replay = file.map(|file| replay_file(file, &book)).transpose()?;
    let store: Arc<dyn Store> = book.store();
    if let Some(replay) = &replay
        && let Some(Moment { root_position, root, .. }) = replay::missed(replay, &*store)?
    {
        return Err(CliError::NotVerified {
            what: format!(
                "the journal does not lead to what the file is a replay of, which had the root {root} \
                 at {root_position}: it was changed or cut off since, or is another one"
            ),
        });
    }
    let read = book.views.snapshot(|left| {
        let left = &mut SnapshotSource(left);
        let compared = match &replay {
            None => diff::views(&store, left, None, most_rows, progress),
            Some(replay) => {
                let read = replay.views().snapshot(|right| {
                    let right: &mut dyn ViewSource = &mut SnapshotSource(right);
                    let compared = diff::views(&store, left, Some(right), most_rows, progress);
                    Ok::<_, ViewsError>(compared)
                });
                read.unwrap_or_else(|error| Err(ReplayError::Views(error.into())))
            }
        };
        Ok::<_, ViewsError>(compared)
    });
    Ok(read.unwrap_or_else(|error| Err(ReplayError::Views(error.into())))?)
}

fn replay_file(file: &Path, book: &Book) -> Result<ReplayFile, CliError> {
    if !file.is_file() {
        return Err(CliError::Malformed {
            what: format!("there is no file {}", file.display()),
            hint: "make one with `quipu replay --to FILE.db`".into(),
        });
    }
    Ok(ReplayFile::open_read_only(file, book::feed(&book.journal, &book.recent))?)
}

fn write_journals(diff: &JournalsDiff, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&[
        ("journal", Align::Left),
        ("last position", Align::Right),
        ("root", Align::Left),
    ]);
    for (side, end) in [("left", &diff.left), ("right", &diff.right)] {
        table.row(vec![side.to_owned(), end.position.to_string(), end.root.to_string()]);
    }
    table.write(out)?;
    let Some(parting) = &diff.parting else {
        return writeln!(out, "\nBoth hold the same events, byte for byte.");
    };
    writeln!(
        out,
        "\nBoth are the same up to {}. At {}: {}.",
        diff.same_until, parting.position, parting.what
    )?;
    for (side, event) in [("left ", &parting.left), ("right", &parting.right)] {
        match event {
            Some(event) => writeln!(out, "  {side}  {}", told(event))?,
            None => writeln!(out, "  {side}  no event")?,
        }
    }
    for field in &parting.fields {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        let (left, right) = (value(&field.left), value(&field.right));
        writeln!(out, "    {}: {left} on the left, {right} on the right", field.field)?;
    }
    Ok(())
}

fn write_views(diff: &ViewsDiff, right: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Left: the views. Right: {right}.\n")?;
    let mut table = Table::new(&[
        ("projection", Align::Left),
        ("left at", Align::Right),
        ("right at", Align::Right),
        ("same rows", Align::Right),
        ("different", Align::Right),
        ("", Align::Left),
    ]);
    for projection in &diff.projections {
        let mut notes: Vec<String> = projection.not_compared.iter().cloned().collect();
        for (what, tenants) in [
            ("parked on both sides and left out", &projection.left_out),
            ("parked on one side only", &projection.parked_on_one_side),
        ] {
            if !tenants.is_empty() {
                notes.push(format!("{what}: {}", tenants.join(", ")));
            }
        }
        table.row(vec![
            projection.name.clone(),
            projection.left.to_string(),
            projection.right.to_string(),
            projection.same_rows.to_string(),
            projection.different_rows.to_string(),
            notes.join("; "),
        ]);
    }
    table.write(out)?;
    for row in &diff.rows {
        writeln!(out)?;
        write_row(row, out)?;
    }
    let untold = diff.different_rows - diff.rows.len() as u64;
    if untold > 0 {
        writeln!(out, "\nand {} besides; --limit tells more", output::count(untold, "row"))?;
    }
    let left_out: Vec<&str> = diff
        .projections
        .iter()
        .filter(|projection| projection.not_compared.is_some() || !projection.left_out.is_empty())
        .map(|projection| projection.name.as_str())
        .collect();
    let end = match (diff.same, left_out.as_slice()) {
        (true, []) => "Both are the same.".to_owned(),
        (true, left_out) => format!(
            "What was compared is the same; not, or not wholly, compared: {}.",
            left_out.join(", ")
        ),
        (false, _) => "They are not the same.".to_owned(),
    };
    writeln!(out, "\n{end}")
}

fn write_row(row: &RowDifference, out: &mut dyn Write) -> io::Result<()> {
    let key = row.key.iter().map(|key| format!("{} {}", key.column, key.value));
    writeln!(out, "{} {}", row.table, key.collect::<Vec<String>>().join(", "))?;
    for column in &row.columns {
        let value = |value: &Option<diff::Shown>| {
            value.as_ref().map_or_else(|| "no row".to_owned(), ToString::to_string)
        };
        let (left, right) = (value(&column.left), value(&column.right));
        writeln!(out, "    {}: {left} on the left, {right} on the right", column.column)?;
    }
    write_cause(&row.cause, out)
}

fn write_cause(cause: &Cause, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  because {}", cause.what)?;
    if cause.more_events > 0 {
        writeln!(out, "    {} before these", output::count(cause.more_events, "event"))?;
    }
    cause.events.iter().try_for_each(|event| writeln!(out, "    {}", told(event)))
}

/// An event and who did it.
fn told(event: &EventReference) -> String {
    let under = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!(", {name} {value}")).unwrap_or_default()
    };
    format!(
        "event {} {}: {}, by {}{}{}, at {}",
        event.position,
        event.event_type,
        event.summary,
        event.actor,
        under("key", &event.command),
        under("request", &event.correlation),
        event.recorded_at,
    )
}
