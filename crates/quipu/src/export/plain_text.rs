//! `quipu export hledger` and `quipu export beancount`.

use std::io::Write as _;

use clap::Args;
use jiff::tz::TimeZone;
use quipu_exports::PlainText;
use serde::Serialize;

use super::source::{Edition, Source, SourceArgs, unwritable};
use super::target::{Target, TargetArgs};
use crate::error::CliError;
use crate::exit_codes;
use crate::output;

/// What both formats take.
#[derive(Args, Debug)]
pub(super) struct PlainTextArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// Close with a balance assertion for every account, which the program then checks
    #[arg(long)]
    assertions: bool,
    /// Whose days date the transactions
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = super::time_zone)]
    time_zone: TimeZone,
}

/// What was written.
#[derive(Serialize)]
struct Summary {
    format: &'static str,
    #[serde(flatten)]
    edition: Edition,
    transactions: u64,
    accounts: usize,
}

/// For hledger.
pub(super) fn hledger(args: &PlainTextArgs, json: bool) -> Result<u8, CliError> {
    write(args, "hledger", PlainText::hledger(args.time_zone.clone()), json)
}

/// For beancount.
pub(super) fn beancount(args: &PlainTextArgs, json: bool) -> Result<u8, CliError> {
    write(args, "beancount", PlainText::beancount(args.time_zone.clone()), json)
}

fn write(
    args: &PlainTextArgs,
    format: &'static str,
    mut journal: PlainText,
    json: bool,
) -> Result<u8, CliError> {
    let source = Source::open(&args.source)?;
    let mut target = Target::open(&args.target, &args.source.place())?;
    target.write_all(journal.opening(&source.remark()).as_bytes())?;
    let mut text = String::new();
    source.each(|event| {
        text.clear();
        journal.event(event, &mut text).map_err(|error| unwritable(&error))?;
        Ok(target.write_all(text.as_bytes())?)
    })?;
    if args.assertions {
        target.write_all(journal.assertions().as_bytes())?;
    }
    let summary = Summary {
        format,
        edition: source.edition(),
        transactions: journal.transactions(),
        accounts: journal.accounts(),
    };
    let told = format!(
        "{format}: {} in {}, the book at position {}",
        output::count(summary.transactions, "transaction"),
        output::count(summary.accounts as u64, "account"),
        source.until(),
    );
    target.finish(&summary, &told, json)?;
    Ok(exit_codes::OK)
}
