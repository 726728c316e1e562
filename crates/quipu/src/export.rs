//! `quipu export`: writes the book in formats that other programs read.
//!
//! Every export reads the journal and nothing else, from its first event to the one that was its
//! last when the export began: what is written is the book at one position, which it names,
//! whatever the server does meanwhile.

mod journal;
mod plain_text;
mod source;
mod target;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;

use crate::error::CliError;
use journal::JournalArgs;
use plain_text::PlainTextArgs;

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
    Journal(JournalArgs),
    /// A journal for hledger: every posting of every event
    ///
    /// Accounts are named as in Expenses:T-acme:Consumed:M-llm-tokens, credits are the commodity
    /// CREDIT, and each transaction carries its event's position as its code, and its id, actor
    /// and key as tags.
    Hledger(PlainTextArgs),
    /// A journal for beancount: every posting of every event
    ///
    /// Accounts are named as in Expenses:T-acme:Consumed:M-llm-tokens, credits are the commodity
    /// CREDIT, and each transaction carries its event's position, id, actor and key as metadata.
    Beancount(PlainTextArgs),
}

/// Does it; the number is the exit code.
pub(crate) fn run(args: &ExportArgs, json: bool) -> Result<u8, CliError> {
    match &args.what {
        What::Journal(args) => journal::run(args, json),
        What::Hledger(args) => plain_text::hledger(args, json),
        What::Beancount(args) => plain_text::beancount(args, json),
    }
}

/// A time zone, from the command line.
fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| "not a name of the IANA database, such as UTC".to_owned())
}
