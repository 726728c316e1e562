//! `quipu verify`: proves the book from its stored bytes.

use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use indicatif::ProgressBar;
use quipu_domain::Position;
use quipu_journal::{Journal, Root, SqlStore, Store};
use quipu_replay::{
    Expectation, Finding, Progress, ProjectionReport, ReplayError, Report, ViewSource,
};
use quipu_views::ViewsError;

use crate::book::{self, BookArgs};
use crate::checkpoint;
use crate::error::CliError;
use crate::exit_codes;
use crate::output::{self, Align, Table};
use crate::signing::{self, KeysArgs};
use crate::snapshot_source::{NoViews, SnapshotSource};

/// Prove the book: every hash, state, balance and view, recomputed from the stored bytes
///
/// Reads only, needs no right to write, and works while a server runs. Names the first position at which something does
/// not hold, and exits with 1. The book must lead to the checkpoint that it published last, and to
/// the one that the folder of its keys knows. The end of a journal can be cut off together with
/// everything that was made from it, and leave no trace: only a root that was noted elsewhere shows
/// that, so keep the one that is printed, and give it back with --expect. A view that another
/// version of quipu has built is not compared, and the last line says so.
#[derive(Args, Debug)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    book: BookArgs,
    /// A position and its root as they were noted earlier: the book must still lead to them
    #[arg(long, value_name = "POSITION:ROOT", value_parser = Noted::from_str)]
    expect: Vec<Noted>,
    /// A file with a checkpoint that was kept (`quipu checkpoint`): the book must still lead to it
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    #[command(flatten)]
    keys: KeysArgs,
    /// Leave the views out: the journal alone
    #[arg(long)]
    journal_only: bool,
}

/// A position and its root, from the command line.
#[derive(Clone, Copy, Debug)]
struct Noted(Expectation);

impl FromStr for Noted {
    type Err = String;

    fn from_str(text: &str) -> Result<Noted, String> {
        let wanted =
            || "write POSITION:ROOT as verify prints it, the root in 64 hex digits".to_owned();
        let (position, root) = text.split_once(':').ok_or_else(wanted)?;
        let position = position.parse().map(Position).map_err(|_| wanted())?;
        let root = root.parse::<Root>().map_err(|_| wanted())?;
        Ok(Noted(Expectation { position, root }))
    }
}

/// Verifies and shows what was found.
pub(crate) fn run(args: &VerifyArgs, json: bool) -> Result<u8, CliError> {
    let place = args.book.place();
    let mut expected: Vec<Expectation> = args.expect.iter().map(|noted| noted.0).collect();
    for file in &args.checkpoint {
        let checkpoint = checkpoint::read(file)?;
        expected.push(Expectation { position: Position(checkpoint.size), root: checkpoint.root });
    }
    let bar = ProgressBar::new(0).with_style(output::events_bar());
    let mut progress = |progress: Progress| {
        bar.set_length(progress.head.0);
        bar.set_position(progress.position.0);
    };
    let journal = book::read_journal(&place)?;
    let views = match args.journal_only {
        true => None,
        false => Some(book::read_views(&place, book::feed(&journal, &Arc::default()))?),
    };
    let store: Arc<dyn Store> = Arc::new(journal.clone());
    // Before the journal is read, which is then never behind what was signed of it.
    let signed = signing::signed(&args.keys, &place, Journal::new(Arc::clone(&store)))?;
    let mut verify = |views: Option<&mut dyn ViewSource>| {
        quipu_replay::verify(&store, views, &expected, &signed, &mut progress)
    };
    let verified = match &views {
        None => verify(None),
        Some(None) => verify(Some(&mut NoViews)),
        Some(Some(views)) => {
            let read = views.snapshot(|snapshot| {
                Ok::<_, ViewsError>(verify(Some(&mut SnapshotSource(snapshot))))
            });
            read.unwrap_or_else(|error| Err(ReplayError::Views(error.into())))
        }
    };
    bar.finish_and_clear();
    let mut report = verified?;
    if report.holds {
        report = report.and(damage(&journal)?);
    }
    if json {
        output::json(&report)?;
    } else {
        write(&report, &place.to_string(), &mut io::stdout().lock())?;
    }
    Ok(if report.holds { exit_codes::OK } else { exit_codes::NOT_VERIFIED })
}

/// Whatever leads to the rows may be damaged while they themselves are whole.
fn damage(journal: &SqlStore) -> Result<Option<Finding>, CliError> {
    let damage = journal.database().damage()?;
    Ok(damage.map(|damage| Finding {
        position: Position(1),
        what: format!(
            "its rows hold, but the file that they are in is damaged ({}): `quipu export journal` and \
             `quipu import journal` make a new one of them",
            damage.trim_end().replace('\n', " ")
        ),
    }))
}

fn write(report: &Report, place: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&[("book", Align::Left), (place, Align::Left)]);
    let mut line = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    line("verified to", report.position.to_string());
    line("root", report.root.to_string());
    line("rows", report.rows.to_string());
    line("streams", report.streams.to_string());
    line("accounts", format!("{}, sum zero", report.accounts));
    for view in &report.projections {
        line(&format!("view {}", view.name), compared(view, report.holds));
    }
    table.write(out)?;
    match &report.finding {
        None => writeln!(
            out,
            "\n{} To hold it to this later: quipu verify --expect {}:{}",
            verdict(&report.not_compared),
            report.position,
            report.root
        ),
        Some(finding) => {
            writeln!(
                out,
                "\nThe book does not hold at position {}: {}",
                finding.position, finding.what
            )
        }
    }
}

/// What holds. Of a view that was left out, as after an upgrade, nobody can say that it does.
fn verdict(not_compared: &[String]) -> String {
    match not_compared {
        [] => "The book holds.".to_owned(),
        left_out => format!(
            "The journal holds, and what was compared with it; not, or not wholly, compared: {}.",
            left_out.join(", ")
        ),
    }
}

/// What the comparison of one view gave.
fn compared(view: &ProjectionReport, holds: bool) -> String {
    if !view.compared && !holds {
        return "not compared to the end: the book does not hold".to_owned();
    }
    if !view.compared {
        return "not compared: it was built by another version of quipu, or not yet; a start of \
                the server, or `quipu projections rebuild`, makes it anew"
            .to_owned();
    }
    let rows = output::count(view.rows, "row");
    let parked = match view.parked.as_slice() {
        [] => String::new(),
        parked => format!("; parked and left out: {}", parked.join(", ")),
    };
    let skipped: Vec<String> = view.skipped.iter().map(ToString::to_string).collect();
    let skipped = match skipped.as_slice() {
        [] => String::new(),
        skipped => format!("; without the skipped events {}", skipped.join(", ")),
    };
    format!("{rows} equal to the journal at {}{parked}{skipped}", view.checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_root_is_read_as_verify_prints_it() {
        let root = Root([0xab; 32]);
        let noted: Noted = format!("17:{root}").parse().unwrap();
        assert_eq!(noted.0, Expectation { position: Position(17), root });
        for bad in
            ["", "17", "17:ab", "x:00", &format!("17:{root}00"), &format!("17:g{}", "0".repeat(63))]
        {
            assert!(bad.parse::<Noted>().is_err(), "{bad:?}");
        }
    }
}
