//! What a run shows: one object, or the same as lines for people.

use std::io::{self, Write as _};

use quipu_load::Machine;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::BenchArgs;
use super::stage::Stage;
use crate::error::CliError;
use crate::output::{self, Align, Table};

/// The figures of a run, and everything that they depend on.
pub(super) struct Report(Map<String, Value>);

impl Report {
    /// What is known before it runs.
    pub(super) fn new(args: &BenchArgs, stage: &Stage, wallets: usize) -> Result<Report, CliError> {
        let mut report = Report(Map::new());
        report.figures(&json!({
            "workload": args.workload,
            "store": stage.store(),
            "connections": args.connections(),
            "commands_per_request":
                args.workload.is_of_commands().then_some(args.commands_per_request),
            "wallets": wallets,
            "distribution": args.distribution,
            "warm_up_seconds": args.warm_up,
            "seconds": args.seconds,
            "version": env!("CARGO_PKG_VERSION"),
            // `make bench` builds with it.
            "commit": option_env!("QUIPU_COMMIT"),
            "machine": Machine::here(),
            "settings": stage.settings()?,
        }))?;
        Ok(report)
    }

    /// Adds figures.
    pub(super) fn figures(&mut self, figures: &impl Serialize) -> Result<(), CliError> {
        let value = serde_json::to_value(figures).map_err(io::Error::from)?;
        let Value::Object(fields) = value else { return Ok(()) };
        self.0.extend(fields);
        Ok(())
    }

    /// Shows it.
    pub(super) fn show(self, json: bool) -> Result<(), CliError> {
        let report = Value::Object(self.0);
        if json {
            return output::json(&report);
        }
        let mut table = Table::new(&[("figure", Align::Left), ("", Align::Left)]);
        lines("", &report, &mut |name, value| table.row(vec![name, value]));
        Ok(table.write(&mut io::stdout().lock()).and_then(|()| io::stdout().flush())?)
    }
}

/// A line per value: `latency p50 us`.
fn lines(name: &str, value: &Value, line: &mut impl FnMut(String, String)) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                lines(&format!("{name} {}", field.replace('_', " ")), value, line);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                lines(&format!("{name} {}", index + 1), value, line);
            }
        }
        Value::Null => {}
        value => line(name.trim_start().to_owned(), output::text(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_line_that_says_what_it_is() {
        let report = json!({
            "store": "sqlite",
            "latency": { "p50_us": 900 },
            "starts": [{ "ready_ms": 12 }],
            "commit": null,
        });
        let mut shown = Vec::new();
        lines("", &report, &mut |name, value| shown.push(format!("{name}: {value}")));
        assert_eq!(shown, ["latency p50 us: 900", "starts 1 ready ms: 12", "store: sqlite"]);
    }
}
