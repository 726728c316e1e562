//! Assertions from a CSV file.

use std::fs;
use std::path::Path;

use csv::StringRecord;

use super::{Assertion, ExpectedArgs};
use crate::csv_file::{self, ClosedQuotes};
use crate::error::CliError;
use crate::moment::MomentArgs;

/// The columns that there may be.
const COLUMNS: [&str; 6] = ["tenant", "available", "held", "overdraft", "as_of", "known_at"];

/// All assertions of a file, at least one; one bad line, and none is checked.
pub(super) fn read(file: &Path) -> Result<Vec<Assertion>, CliError> {
    let bytes = fs::read(file).map_err(|error| malformed(file, &error.to_string()))?;
    let unreadable = |error: csv::Error| malformed(file, &error.to_string());
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(ClosedQuotes::new(bytes.as_slice()));
    let headings = reader.headers().map_err(unreadable)?.clone();
    refuse_headings(&headings).map_err(|why| malformed(file, &why))?;
    let mut assertions = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let assertion = assertion(&headings, &record);
        let assertion = assertion.map_err(|why| malformed(file, &format!("line {line}: {why}")))?;
        let place = Some(format!("{}: line {line}", file.display()));
        assertions.push(Assertion { place, ..assertion });
    }
    if assertions.is_empty() {
        return Err(malformed(file, "there is no assertion in it"));
    }
    Ok(assertions)
}

/// Refuses headings under which there may be what is not looked at.
fn refuse_headings(headings: &StringRecord) -> Result<(), String> {
    if let Some(unknown) = headings.iter().find(|heading| !COLUMNS.contains(heading)) {
        return Err(format!("there is no column {unknown:?} in assertions"));
    }
    for column in COLUMNS {
        csv_file::column(headings, column)?;
    }
    match csv_file::column(headings, "tenant")? {
        Some(_) => Ok(()),
        None => Err("the column \"tenant\" is missing".to_owned()),
    }
}

fn assertion(headings: &StringRecord, record: &StringRecord) -> Result<Assertion, String> {
    let field = |name: &str| {
        let index = headings.iter().position(|heading| heading == name)?;
        record.get(index).filter(|text| !text.is_empty())
    };
    let credits = |name: &str| {
        let amount = field(name).map(str::parse);
        amount.transpose().map_err(|error| format!("{name}: {error}"))
    };
    let expected = ExpectedArgs {
        available: credits("available")?,
        held: credits("held")?,
        overdraft: credits("overdraft")?,
    };
    if expected.by_name().iter().all(|(_, expected)| expected.is_none()) {
        return Err("it asserts nothing".to_owned());
    }
    Ok(Assertion {
        place: None,
        tenant: field("tenant").ok_or("the tenant is missing")?.to_owned(),
        expected,
        moment: MomentArgs::new(
            field("as_of").map(str::to_owned),
            field("known_at").map(str::to_owned),
        ),
    })
}

fn malformed(file: &Path, why: &str) -> CliError {
    CliError::Malformed {
        what: format!("{}: {why}", file.display()),
        hint: "write CSV such as: tenant,available,as_of / t_acme,12.5,2026-10-31T00:00:00Z".into(),
    }
}
