//! What became of the rows of an import.

use std::collections::BTreeMap;
use std::io::{self, Write};

use quipu_domain::Credits;
use serde::Serialize;

use crate::error::CliError;
use crate::output;
use crate::usage::Outcome;

/// So many lines are named for each kind of refusal.
const LINES_NAMED: usize = 5;

/// What a row is refused with whose name and number another one has in the book.
const ID_REUSED: &str = "usage_id_reused";

/// Rows counted by what became of them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    /// Rows that this run recorded.
    recorded: u64,
    /// Rows that the book had already.
    already_recorded: u64,
    /// Rows that were refused, by code.
    refused: BTreeMap<String, Refused>,
    /// What the recorded rows cost.
    credits_consumed: Credits,
}

/// Rows that were refused for the same reason.
#[derive(Debug, Serialize)]
struct Refused {
    rows: u64,
    /// The first lines that were.
    lines: Vec<u64>,
    /// What the server said about the first.
    detail: String,
}

impl Summary {
    /// Counts a row.
    pub(super) fn add(&mut self, line: u64, outcome: Outcome) {
        match outcome {
            Outcome::Recorded { amount } => {
                self.recorded += 1;
                // A file beyond the largest amount could not have been paid for.
                self.credits_consumed =
                    self.credits_consumed.plus(amount).unwrap_or(self.credits_consumed);
            }
            Outcome::Known => self.already_recorded += 1,
            Outcome::Refused { code, detail } => {
                let refused = Refused { rows: 0, lines: Vec::new(), detail };
                let refused = self.refused.entry(code).or_insert(refused);
                refused.rows += 1;
                if refused.lines.len() < LINES_NAMED {
                    refused.lines.push(line);
                }
            }
        }
    }

    /// How many rows were answered.
    pub(super) fn rows(&self) -> u64 {
        self.recorded + self.already_recorded + self.refused_rows()
    }

    /// Whether this run recorded anything.
    pub(super) fn has_recorded(&self) -> bool {
        self.recorded > 0
    }

    /// Whether every row that was sent is in the book.
    pub(super) fn is_complete(&self) -> bool {
        self.refused.is_empty()
    }

    fn refused_rows(&self) -> u64 {
        self.refused.values().map(|refused| refused.rows).sum()
    }

    /// Shows it on standard output.
    pub(super) fn write(&self, file: &str, json: bool) -> Result<(), CliError> {
        if json {
            return output::json(self);
        }
        Ok(self.write_text(file, &mut io::stdout().lock())?)
    }

    fn write_text(&self, file: &str, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{file}: {} recorded for {} credits, {} already recorded, {} refused",
            output::count(self.recorded, "row"),
            self.credits_consumed,
            self.already_recorded,
            self.refused_rows()
        )?;
        for (code, refused) in &self.refused {
            let lines: Vec<String> = refused.lines.iter().map(u64::to_string).collect();
            let more = if refused.rows > lines.len() as u64 { ", ..." } else { "" };
            writeln!(
                out,
                "  {code}: {} (line {}{more}): {}",
                output::count(refused.rows, "row"),
                lines.join(", "),
                refused.detail
            )?;
        }
        if self.refused.contains_key(ID_REUSED) {
            self.write_reuse(out)?;
        }
        if self.refused.keys().any(|code| code != ID_REUSED) {
            writeln!(
                out,
                "  Run the same command again once that is mended: the other rows are in the book."
            )?;
        }
        Ok(())
    }

    /// Rows that are in the book under this name would be charged again under another one.
    fn write_reuse(&self, out: &mut dyn Write) -> io::Result<()> {
        let known = self.recorded + self.already_recorded;
        let without = match known {
            0 => String::new(),
            known => {
                let rows = output::count(known, "row");
                format!(", without the {rows} of it in the book under this name")
            }
        };
        writeln!(
            out,
            "  Rows of this name were imported before with other content: from another file, or \
             before these lines were changed.\n  If this is another file, it needs a name of its \
             own: --source NAME{without}."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_grouped_by_code_with_their_first_lines() {
        let mut summary = Summary::default();
        summary.add(2, Outcome::Recorded { amount: "1.25".parse().unwrap() });
        summary.add(3, Outcome::Known);
        for line in 4..11 {
            let detail = format!("1 needed, 0.{line} available");
            let code = "insufficient_credits".to_owned();
            summary.add(line, Outcome::Refused { code, detail });
        }
        let mut out = Vec::new();
        summary.write_text("trace.csv", &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        trace.csv: 1 row recorded for 1.25 credits, 1 already recorded, 7 refused
          insufficient_credits: 7 rows (line 4, 5, 6, 7, 8, ...): 1 needed, 0.4 available
          Run the same command again once that is mended: the other rows are in the book.
        ");
    }
}
