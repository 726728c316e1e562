//! `quipu export sie`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use quipu_exports::{Chart, ChartError, Sie, SieKind, SieTerms};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::source::{Edition, Source, SourceArgs, unwritable};
use super::target::{Target, TargetArgs};
use crate::csv_file::ClosedQuotes;
use crate::error::CliError;
use crate::exit_codes;
use crate::output;

/// What SIE takes.
#[derive(Args, Debug)]
pub(super) struct SieArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    target: TargetArgs,
    /// The fiscal year: YYYY, or its first and last day as FIRST..LAST
    #[arg(long, value_name = "YEAR", value_parser = FiscalYear::from_str)]
    year: FiscalYear,
    /// The seller's name
    #[arg(long, value_name = "NAME")]
    company: String,
    /// The seller's organisation number
    #[arg(long, value_name = "NNNNNN-NNNN", value_parser = organisation_number)]
    organisation_number: Option<String>,
    /// Money for one credit
    #[arg(long, value_name = "AMOUNT", value_parser = super::rate)]
    rate: Decimal,
    /// The money, by ISO 4217
    #[arg(long, value_name = "CODE", default_value = "SEK", value_parser = super::currency)]
    currency: String,
    /// 4E: a year's book with balances and vouchers. 4I: vouchers for another book to take in
    #[arg(long = "type", value_name = "TYPE", ignore_case = true, default_value = "4e")]
    kind: Kind,
    /// A CSV file with the columns account, number and name, for other accounts than BAS has
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Whose days are a voucher each
    #[arg(long, value_name = "ZONE", default_value = "Europe/Stockholm", value_parser = super::time_zone)]
    time_zone: TimeZone,
}

/// Which of the two files of type 4.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    #[value(name = "4e")]
    Export,
    #[value(name = "4i")]
    Import,
}

/// A fiscal year, from the command line.
#[derive(Clone, Copy, Debug)]
struct FiscalYear {
    first: Date,
    last: Date,
}

impl FromStr for FiscalYear {
    type Err = String;

    fn from_str(text: &str) -> Result<FiscalYear, String> {
        // A slip of the finger would give an empty year.
        let has_four_digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let year = || text.parse().ok().filter(|year| has_four_digits && *year > 0);
        let days = match text.split_once("..") {
            Some((first, last)) => first.parse().ok().zip(last.parse().ok()),
            None => year().map(|year| (date(year, 1, 1), date(year, 12, 31))),
        };
        let ordered = days.filter(|(first, last)| first <= last);
        ordered.map(|(first, last)| FiscalYear { first, last }).ok_or_else(|| {
            "write a year such as 2026, or two days such as 2026-07-01..2027-06-30".to_owned()
        })
    }
}

/// What was written.
#[derive(Serialize)]
struct Summary {
    format: &'static str,
    #[serde(flatten)]
    edition: Edition,
    vouchers: u64,
    earlier_days: u64,
    later_days: u64,
    rounding: Decimal,
}

/// Does it; the number is the exit code.
pub(super) fn run(args: &SieArgs, json: bool) -> Result<u8, CliError> {
    let chart = args.accounts.as_deref().map_or_else(|| Ok(Chart::default()), read_chart)?;
    let source = Source::open(&args.source)?;
    let mut target = Target::open(&args.target, &args.source.place())?;
    let mut sie = Sie::new(SieTerms {
        kind: match args.kind {
            Kind::Export => SieKind::Export,
            Kind::Import => SieKind::Import,
        },
        company: args.company.clone(),
        organisation_number: args.organisation_number.clone(),
        currency: args.currency.clone(),
        rate: args.rate,
        first_day: args.year.first,
        last_day: args.year.last,
        time_zone: args.time_zone.clone(),
        chart,
        remark: source.remark(),
        made_on: jiff::Timestamp::now().to_zoned(args.time_zone.clone()).date(),
    });
    source.each(|event| sie.event(event).map_err(|error| unwritable(&error)))?;
    let (file, written) = sie.file().map_err(|error| unwritable(&error))?;
    target.write_all(&file)?;
    let summary = Summary {
        format: "sie",
        edition: source.edition(),
        vouchers: written.vouchers,
        earlier_days: written.earlier_days,
        later_days: written.later_days,
        rounding: Decimal::from_i128_with_scale(written.rounding, 2),
    };
    let told = format!(
        "sie: {}, {} {} booked as rounding, {} before the year in the opening balances, {} after it left out, \
         the book at position {}",
        output::count(summary.vouchers, "voucher"),
        summary.rounding,
        args.currency,
        output::count(summary.earlier_days, "day"),
        output::count(summary.later_days, "day"),
        source.until(),
    );
    target.finish(&summary, &told, json)?;
    Ok(exit_codes::OK)
}

/// A line of the file of accounts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChartLine {
    account: String,
    number: String,
    name: String,
}

/// The proposed chart, with what a file says instead.
fn read_chart(file: &Path) -> Result<Chart, CliError> {
    let malformed = |what: String| {
        CliError::Malformed {
        what: format!("{}: {what}", file.display()),
        hint: "write a line `account,number,name`, then lines such as `consumed/llm_tokens,3041,Tokens`"
            .into(),
    }
    };
    let unreadable = |error: csv::Error| malformed(error.to_string());
    let input = File::open(file).map_err(|error| malformed(error.to_string()))?;
    let mut reader = csv::Reader::from_reader(ClosedQuotes::new(input));
    let headings = reader.headers().map_err(unreadable)?.clone();
    let mut chart = Chart::default();
    let mut accounts = BTreeSet::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let number = record.position().map_or(0, csv::Position::line);
        let line: ChartLine = record.deserialize(Some(&headings)).map_err(unreadable)?;
        let set = set(&mut chart, &line);
        set.map_err(|error| malformed(format!("line {number}: {error}")))?;
        if !accounts.insert(line.account.clone()) {
            let twice = format!("the account {:?} is there twice", line.account);
            return Err(malformed(format!("line {number}: {twice}")));
        }
    }
    Ok(chart)
}

fn set(chart: &mut Chart, line: &ChartLine) -> Result<(), ChartError> {
    chart.set(&line.account, line.number.parse()?, &line.name)
}

fn organisation_number(text: &str) -> Result<String, String> {
    let is_digit = |(index, byte): (usize, u8)| byte.is_ascii_digit() != (index == 6);
    let fits =
        text.len() == 11 && text.bytes().enumerate().all(is_digit) && text.as_bytes()[6] == b'-';
    if fits { Ok(text.to_owned()) } else { Err("write ten digits as in 556677-8899".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fiscal_year_is_a_calendar_year_or_two_days() {
        let year: FiscalYear = "2026".parse().unwrap();
        assert_eq!((year.first, year.last), (date(2026, 1, 1), date(2026, 12, 31)));
        let broken: FiscalYear = "2026-07-01..2027-06-30".parse().unwrap();
        assert_eq!((broken.first, broken.last), (date(2026, 7, 1), date(2027, 6, 30)));
        for bad in ["", "26x", "2026-07-01", "2027-01-01..2026-01-01", "0"] {
            assert!(bad.parse::<FiscalYear>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_organisation_number_has_its_hyphen() {
        assert!(organisation_number("556677-8899").is_ok());
        for bad in ["5566778899", "556677-889", "55667-78899", "556677_8899", "556677-88990"] {
            assert!(organisation_number(bad).is_err(), "{bad}");
        }
    }
}
