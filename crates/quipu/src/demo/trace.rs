//! The real requests that the demo replays.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::error::CliError;

/// One hour of a code-completion service; `demo/README.md` says whose, and how to cite it.
const TRACE: &str = include_str!("../../../../demo/AzureLLMInferenceTrace_code.csv");

/// One request to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// When it came, in microseconds since the first one.
    pub(super) offset_micros: i64,
    /// Tokens sent.
    pub(super) input: u64,
    /// Tokens generated.
    pub(super) output: u64,
}

/// All requests, in the order in which they came.
pub(super) fn rows() -> Result<Vec<Row>, CliError> {
    let mut reader = csv::Reader::from_reader(TRACE.as_bytes());
    let rows: Result<Vec<(String, u64, u64)>, csv::Error> = reader.deserialize().collect();
    let rows = rows.map_err(|error| damaged(&error))?;
    let micros: Result<Vec<i64>, jiff::Error> = rows.iter().map(|(at, ..)| micros(at)).collect();
    let micros = micros.map_err(|error| damaged(&error))?;
    let first = micros.first().copied().unwrap_or_default();
    let offsets = micros.iter().map(|at| at - first);
    let row = |(offset_micros, (_, input, output))| Row { offset_micros, input, output };
    Ok(offsets.zip(rows).map(row).collect())
}

fn micros(at: &str) -> Result<i64, jiff::Error> {
    let at: DateTime = at.parse()?;
    Ok(at.to_zoned(TimeZone::UTC)?.timestamp().as_microsecond())
}

/// The trace is part of the program, so only a broken build can damage it.
fn damaged(why: &dyn std::fmt::Display) -> CliError {
    CliError::Unusable {
        what: format!("the trace that this program was built with does not read: {why}"),
        hint: "build it again from a clean checkout".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_has_8819_requests_of_one_hour() {
        let rows = rows().unwrap();
        assert_eq!(rows.len(), 8_819);
        assert_eq!(rows[0], Row { offset_micros: 0, input: 4_808, output: 10 });
        assert_eq!(rows[1].offset_micros, 52_000);
        assert!(rows.is_sorted_by_key(|row| row.offset_micros));
        assert_eq!(rows.iter().map(|row| row.input).sum::<u64>(), 18_059_974);
        assert_eq!(rows.iter().map(|row| row.output).sum::<u64>(), 245_896);
    }
}
