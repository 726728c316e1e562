//! `quipu export`: writes the book in formats that other programs read.

mod journal;
mod target;

use clap::{Args, Subcommand};

use crate::error::CliError;

/// Write the book in a format that other programs read
///
/// Reads the journal only, and works while a server runs. What is written is the book at one
/// position, and the same position gives the same bytes.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Journal(journal::JournalArgs),
}

/// Does what was asked.
pub(crate) fn run(args: &ExportArgs, json: bool) -> Result<u8, CliError> {
    match &args.what {
        What::Journal(args) => journal::run(args, json),
    }
}
