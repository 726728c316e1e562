//! What people and programs read: aligned tables or JSON on standard output, and what is said
//! beside it.

use std::io::{self, Write};

use indicatif::ProgressStyle;
use serde::Serialize;
use serde_json::Value;

use crate::error::CliError;

/// Says something on standard error, if anybody listens. Where nobody does, as behind a pipe that
/// is closed or on a full disk, `eprintln!` would end the thread.
pub(crate) fn tell(what: impl std::fmt::Display) {
    drop(writeln!(io::stderr(), "{what}"));
}

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Texts.
    Left,
    /// Amounts and counts.
    Right,
}

/// Rows of texts under headings, in columns as wide as their widest cell.
pub(crate) struct Table {
    headings: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(headings: &[(&str, Align)]) -> Table {
        let headings = headings.iter().map(|(text, align)| ((*text).to_owned(), *align));
        Table { headings: headings.collect(), rows: Vec::new() }
    }

    /// Adds a row, a cell per heading.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.headings.len(), "a cell per heading");
        self.rows.push(cells);
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.headings[column].0.chars().count()]).max().unwrap_or_default()
        };
        (0..self.headings.len()).map(width).collect()
    }

    /// Writes headings and rows; two spaces between columns, none at the end of a line.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let widths = self.widths();
        let headings: Vec<String> = self.headings.iter().map(|(text, _)| text.clone()).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let cells = row.iter().zip(&self.headings).zip(&widths);
            let line: Vec<String> = cells
                .map(|((cell, (_, align)), &width)| match align {
                    Align::Left => format!("{cell:<width$}"),
                    Align::Right => format!("{cell:>width$}"),
                })
                .collect();
            writeln!(out, "{}", line.join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), CliError> {
    Ok(writeln!(io::stdout(), "{}", json_text(value)?)?)
}

/// A value as indented JSON.
pub(crate) fn json_text(value: &impl Serialize) -> Result<String, CliError> {
    Ok(serde_json::to_string_pretty(value).map_err(io::Error::from)?)
}

/// A field of an answer as a cell: empty where it is absent.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A progress bar over a journal's events.
pub(crate) fn events_bar() -> ProgressStyle {
    ProgressStyle::with_template("{wide_bar} {pos}/{len} events  {per_sec}  {eta}")
        .expect("the template is a constant")
}

/// `1 record`, `2 records`.
pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("what", Align::Left), ("amount", Align::Right)]);
        table.row(vec!["grant".into(), "500".into()]);
        table.row(vec!["a long debit".into(), "-1.25".into()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        what          amount
        grant            500
        a long debit   -1.25
        ");
    }
}
