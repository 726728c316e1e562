//! `quipu export journal`: every event as it was hashed, a line each.

use clap::Args;
use indicatif::ProgressBar;
use quipu_journal::json_lines::{self, ExportError};
use serde::Serialize;

use super::target::{Target, TargetArgs};
use crate::book::{self, BookArgs};
use crate::error::CliError;
use crate::{exit_codes, output};

/// Write the whole journal as JSON Lines, the events byte for byte as they were hashed
///
/// `quipu-verify export` checks the file without Quipu, and `quipu import journal` makes the same
/// book of it again, byte for byte. The same journal gives the same file on either database. What is
/// recorded while the export runs is left out; a file of which the end is missing is seen to be so.
#[derive(Args, Debug)]
pub(super) struct JournalArgs {
    #[command(flatten)]
    book: BookArgs,
    #[command(flatten)]
    target: TargetArgs,
}

/// What was written.
#[derive(Serialize)]
struct Summary {
    position: u64,
    root: String,
}

pub(super) fn run(args: &JournalArgs, json: bool) -> Result<u8, CliError> {
    let store = book::read_journal(&args.book.place())?;
    let mut target = Target::open(&args.target, &args.book.place())?;
    let bar = ProgressBar::new(0).with_style(output::events_bar());
    let exported = json_lines::export(&store, &mut target, &mut |progress| {
        bar.set_length(progress.end.0);
        bar.set_position(progress.position.0);
    });
    bar.finish_and_clear();
    let head = exported.map_err(|error| match error {
        ExportError::Journal(error) => error.into(),
        ExportError::Write(error) => CliError::Write(error),
    })?;
    let (position, root) = (head.position.0, head.root.to_string());
    let told = format!("journal: {}, root {root}", output::count(position, "event"));
    target.finish(&Summary { position, root }, &told, json)?;
    Ok(exit_codes::OK)
}
