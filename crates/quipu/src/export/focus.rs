//! `quipu export focus`.

use std::io::Write as _;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use quipu_exports::{Focus, FocusTerms, FocusVersion};
use rust_decimal::Decimal;
use serde::Serialize;

use super::source::{Edition, Source, SourceArgs, unwritable};
use super::target::{Target, TargetArgs};
use crate::error::CliError;
use crate::exit_codes;
use crate::output;

/// What FOCUS takes.
#[derive(Args, Debug)]
pub(super) struct FocusArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// Which version of the specification
    #[arg(long, value_name = "VERSION", default_value = "1.4")]
    focus_version: Version,
    /// Who sells the credits and sends the invoices
    #[arg(long, value_name = "NAME")]
    provider: String,
    /// What is used [default: the provider's name]
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The money, by ISO 4217
    #[arg(long, value_name = "CODE", value_parser = super::currency)]
    currency: String,
    /// Money for one credit
    #[arg(long, value_name = "AMOUNT", value_parser = super::rate)]
    rate: Decimal,
    /// First day, in UTC
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// The day after the last, in UTC
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
}

/// Which version of the specification.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Version {
    #[value(name = "1.2")]
    V1_2,
    #[value(name = "1.4")]
    V1_4,
}

/// What was written.
#[derive(Serialize)]
struct Summary {
    format: &'static str,
    #[serde(flatten)]
    edition: Edition,
    rows: usize,
    credits: Decimal,
}

fn require_period(from: Option<Date>, to: Option<Date>) -> Result<(), CliError> {
    match (from, to) {
        (Some(from), Some(to)) if to < from => Err(CliError::Malformed {
            what: format!("the days end before they begin: from is {from}, to is {to}"),
            hint: "write the first day as --from, and the day after the last as --to".into(),
        }),
        _ => Ok(()),
    }
}

/// Does it; the number is the exit code.
pub(super) fn run(args: &FocusArgs, json: bool) -> Result<u8, CliError> {
    require_period(args.from, args.to)?;
    let source = Source::open(&args.source)?;
    let mut target = Target::open(&args.target, &args.source.place())?;
    let mut focus = Focus::new(FocusTerms {
        version: match args.focus_version {
            Version::V1_2 => FocusVersion::V1_2,
            Version::V1_4 => FocusVersion::V1_4,
        },
        provider: args.provider.clone(),
        service: args.service.clone().unwrap_or_else(|| args.provider.clone()),
        currency: args.currency.clone(),
        rate: args.rate,
        from: args.from,
        to: args.to,
    });
    source.each(|event| {
        let original = Focus::corrects(event).map(|position| source.event(position)).transpose()?;
        let original = original.flatten();
        focus.event(event, original.as_ref()).map_err(|error| unwritable(&error))
    })?;
    let file = focus.file().map_err(|error| unwritable(&error))?;
    target.write_all(file.as_bytes())?;
    let summary = Summary {
        format: "focus",
        edition: source.edition(),
        rows: focus.rows(),
        credits: Decimal::from_i128_with_scale(focus.micros(), 6).normalize(),
    };
    let told = format!(
        "focus: {} for {} credits, the book at position {}",
        output::count(summary.rows as u64, "row"),
        summary.credits,
        source.until(),
    );
    target.finish(&summary, &told, json)?;
    Ok(exit_codes::OK)
}
