//! `quipu export`: writes the book in formats that other programs read.
//!
//! An export reads the journal, from its first event to the one that was its last when the export
//! began (or one snapshot of a view): what is written is the book at one position, which it
//! names, whatever the server does meanwhile.

mod focus;
mod journal;
mod parquet;
mod plain_text;
mod sie;
mod source;
mod target;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use quipu_domain::calendar;
use rust_decimal::Decimal;

use crate::error::CliError;
use focus::FocusArgs;
use journal::JournalArgs;
use parquet::ParquetArgs;
use plain_text::PlainTextArgs;
use sie::SieArgs;

/// Write the book in a format that other programs read
///
/// Opens the store itself, and works while a server runs. What is written is the book at one
/// position, which is named.
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
    /// A file for Swedish bookkeeping, SIE type 4: a voucher a day
    ///
    /// It is the seller's book: what customers can still spend is a debt. Credits become money at
    /// one rate. SIE's amounts have two decimals, so each account is rounded on its running total,
    /// and what that leaves over in a voucher is a line of its own. Without --accounts the accounts
    /// are a proposal from the BAS chart; which are right, an accountant decides. Value-added tax
    /// is not in it.
    Sie(Box<SieArgs>),
    /// Usage and cost as FOCUS, the FinOps Open Cost and Usage Specification: a CSV file
    ///
    /// A row is what one tenant's agent used of one meter and model on one day. Prices are in
    /// credits, a virtual currency, and costs in money at one rate, without rounding. What was
    /// voided, rated again or refunded later is taken off the row that it corrects. Purchases of
    /// credits are not in it.
    Focus(Box<FocusArgs>),
    /// A table as a Parquet file: all events, or one of the views
    ///
    /// Moments are timestamps in UTC; amounts are whole millionths of a credit; an event's data is
    /// JSON. A view's table is what the view says now, the events are those up to --known-at.
    Parquet(ParquetArgs),
}

/// Does it; the number is the exit code.
pub(crate) fn run(args: &ExportArgs, json: bool) -> Result<u8, CliError> {
    match &args.what {
        What::Journal(args) => journal::run(args, json),
        What::Hledger(args) => plain_text::hledger(args, json),
        What::Beancount(args) => plain_text::beancount(args, json),
        What::Sie(args) => sie::run(args, json),
        What::Focus(args) => focus::run(args, json),
        What::Parquet(args) => parquet::run(args, json),
    }
}

/// A time zone, from the command line.
fn time_zone(name: &str) -> Result<TimeZone, String> {
    let zone = name.parse().ok().and_then(|name| calendar::time_zone(&name));
    zone.ok_or_else(|| "not a name of the IANA database, such as UTC".to_owned())
}

/// Money for one credit, from the command line.
fn rate(text: &str) -> Result<Decimal, String> {
    let rate = Decimal::from_str_exact(text).ok();
    let usable =
        rate.filter(|rate| rate.is_sign_positive() && !rate.is_zero() && rate.scale() <= 12);
    usable.ok_or_else(|| {
        "write a number above zero with at most 12 decimals, such as 0.01".to_owned()
    })
}

/// A currency, from the command line.
fn currency(text: &str) -> Result<String, String> {
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code {
        Ok(text.to_owned())
    } else {
        Err("write a code of ISO 4217, such as SEK".to_owned())
    }
}
