//! `quipu import journal`: an export becomes the book it was made from.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;
use quipu_journal::json_lines::{self, ImportError, Imported};
use quipu_journal::{AppendError, JournalError, Lease};
use serde::Serialize;

use crate::book::{Book, BookArgs};
use crate::error::CliError;
use crate::{exit_codes, output};

/// A server that is about to end has given up its lease by then.
const LEASE_PATIENCE: Duration = Duration::from_secs(2);

/// Restore a book from the export of its journal, byte for byte, and rebuild its views
///
/// The book must be empty, or hold the beginning of the same journal: what is there already is
/// compared and skipped, so after an interruption the same command goes on. Every hash is
/// computed again before a row is taken; a line that does not hold stops the import, and the rows
/// before it stay. No server may run on the book meanwhile.
#[derive(Args, Debug)]
pub(super) struct JournalArgs {
    /// What `quipu export journal` wrote; - reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    book: BookArgs,
}

/// What was restored.
#[derive(Serialize)]
struct Summary {
    added: u64,
    known: u64,
    position: u64,
    root: String,
}

pub(super) fn run(args: &JournalArgs, json: bool) -> Result<u8, CliError> {
    let name = args.file.display().to_string();
    let mut file = open(&args.file)?;
    let book = Book::open(&args.book.place())?;
    let bar = ProgressBar::new(0).with_style(output::events_bar());
    let lease = Lease::Wait(LEASE_PATIENCE);
    let imported = json_lines::import(&book.journal, lease, &mut *file, &mut |progress| {
        bar.set_length(progress.end.0);
        bar.set_position(progress.position.0);
    });
    bar.finish_and_clear();
    let imported = imported.map_err(|error| failed(&name, error))?;
    rebuild(&book)?;
    show(&imported, &name, json)?;
    Ok(exit_codes::OK)
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, CliError> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).map_err(|error| CliError::Malformed {
        what: format!("cannot read {}: {error}", path.display()),
        hint: "check the path and its permissions".into(),
    })?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

fn rebuild(book: &Book) -> Result<(), CliError> {
    let bar = ProgressBar::new(0).with_style(output::events_bar());
    let rebuilt = book.views.rebuild(None, |progress| {
        bar.set_length(progress.head.0);
        bar.set_position(progress.position.0);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    Ok(rebuilt?)
}

fn show(imported: &Imported, name: &str, json: bool) -> Result<(), CliError> {
    let Imported { added, known, end } = imported;
    if json {
        let (position, root) = (end.position.0, end.root.to_string());
        return output::json(&Summary { added: *added, known: *known, position, root });
    }
    let restored = output::count(*added, "event");
    let root = end.root;
    Ok(writeln!(io::stdout(), "{name}: {restored} restored, {known} there already, root {root}")?)
}

fn failed(name: &str, error: ImportError) -> CliError {
    match error {
        ImportError::Line { line, why } => CliError::Malformed {
            what: format!("{name}:{line}: {why}"),
            hint:
                "the rows before it are in the book; with a whole export the same command goes on"
                    .into(),
        },
        ImportError::OtherBook { .. } => CliError::Refused {
            what: format!("{name}: {error}"),
            hint: "nothing was written; restore into an empty book, in another folder or database"
                .into(),
        },
        ImportError::Read(error) => CliError::Malformed {
            what: format!("cannot read {name}: {error}"),
            hint: "the rows before it are in the book; the same command goes on".into(),
        },
        ImportError::Journal(error @ JournalError::LeaseHeld { .. }) => CliError::Unavailable {
            what: error.to_string(),
            hint: "stop the server, and run the same command again".into(),
        },
        ImportError::Journal(error)
        | ImportError::Append(AppendError::Unknown(error) | AppendError::Failed(error)) => {
            error.into()
        }
        ImportError::Append(error @ AppendError::NotHead) => CliError::Unavailable {
            what: error.to_string(),
            hint: "stop the server, and run the same command again".into(),
        },
    }
}
