//! The bars that the figures are held to, and by how much they are met or missed.

#![expect(clippy::float_arithmetic, reason = "quotients of measurements, for people")]

use crate::measure::Results;
use crate::measure::Who::{self, PostgresEs, QuipuOnPostgres, QuipuOnSqlite};

/// A bar: what was measured must be at least, or at most, so much.
struct Bar {
    what: String,
    measured: Option<f64>,
    at_least: Option<f64>,
    at_most: Option<f64>,
    unit: &'static str,
}

/// A line for each bar.
pub(crate) fn lines(results: &Results) -> Vec<String> {
    bars(results).iter().map(Bar::line).collect()
}

fn bars(results: &Results) -> Vec<Bar> {
    let figure = |who: Who, workload: &str, path: &str| results.figure(who, workload, path);
    let speed = |who, workload: &str| figure(who, workload, "/operations_per_second");
    let against = |who, workload: &str, peer| Some(speed(who, workload)? / speed(peer, workload)?);
    let with_views = |who| figure(who, "batch", "/operations_per_second_with_views");
    let lag = |who| Some(figure(who, "batch", "/lag/p99_us")? / 1e6);
    let disk = |who| figure(who, "batch", "/disk/disk_over_payload");
    let p99_to_p50 = || {
        let p99 = figure(QuipuOnPostgres, "hot", "/latency/p99_us")?;
        Some(p99 / figure(PostgresEs, "hot", "/latency/p50_us")?)
    };
    let ready = |who| Some(figure(who, "restart", "/starts/0/ready_ms")? / 1e3);
    // The bar is for ten million, which take minutes to make: `make bench EVENTS=10000000`.
    let restarted = |store, who| {
        let events = figure(who, "restart", "/events").unwrap_or_default();
        format!("restart, {store}, ready after, with {} events of 10,000,000", number(events))
    };
    let history = |who| figure(who, "history", "/p50_ratio");
    vec![
        at_least(
            "hot, PostgreSQL, against postgres-es",
            against(QuipuOnPostgres, "hot", PostgresEs),
            50.0,
            "x",
        ),
        at_most("hot, PostgreSQL: p99 against the p50 of postgres-es", p99_to_p50(), 1.0, "x"),
        at_least(
            "hot, SQLite against PostgreSQL",
            speed(QuipuOnSqlite, "hot").zip(speed(QuipuOnPostgres, "hot")).map(|(a, b)| a / b),
            1.0,
            "x",
        ),
        at_least(
            "spread, PostgreSQL, against postgres-es",
            against(QuipuOnPostgres, "spread", PostgresEs),
            10.0,
            "x",
        ),
        at_least(
            "batch with views caught up, SQLite",
            with_views(QuipuOnSqlite),
            200_000.0,
            "records/s",
        ),
        at_least(
            "batch with views caught up, PostgreSQL",
            with_views(QuipuOnPostgres),
            100_000.0,
            "records/s",
        ),
        at_least("holds, SQLite", speed(QuipuOnSqlite, "holds"), 10_000.0, "pairs/s"),
        at_least("holds, PostgreSQL", speed(QuipuOnPostgres, "holds"), 10_000.0, "pairs/s"),
        at_least(
            "replay, SQLite",
            figure(QuipuOnSqlite, "replay", "/events_per_second"),
            300_000.0,
            "events/s",
        ),
        at_most(restarted("SQLite", QuipuOnSqlite), ready(QuipuOnSqlite), 2.0, "s"),
        at_most(restarted("PostgreSQL", QuipuOnPostgres), ready(QuipuOnPostgres), 2.0, "s"),
        at_most("history, SQLite: longest against shortest past", history(QuipuOnSqlite), 1.2, "x"),
        at_most(
            "history, PostgreSQL: longest against shortest past",
            history(QuipuOnPostgres),
            1.2,
            "x",
        ),
        at_most("lag p99 during batch, SQLite", lag(QuipuOnSqlite), 1.0, "s"),
        at_most("lag p99 during batch, PostgreSQL", lag(QuipuOnPostgres), 1.0, "s"),
        at_most("bytes on disk over payload, batch, SQLite", disk(QuipuOnSqlite), 2.0, "x"),
        at_most("bytes on disk over payload, batch, PostgreSQL", disk(QuipuOnPostgres), 2.0, "x"),
    ]
}

fn at_least(what: impl Into<String>, measured: Option<f64>, bar: f64, unit: &'static str) -> Bar {
    Bar { what: what.into(), measured, at_least: Some(bar), at_most: None, unit }
}

fn at_most(what: impl Into<String>, measured: Option<f64>, bar: f64, unit: &'static str) -> Bar {
    Bar { what: what.into(), measured, at_least: None, at_most: Some(bar), unit }
}

impl Bar {
    fn line(&self) -> String {
        let Bar { what, unit, .. } = self;
        let (word, bar) = match (self.at_least, self.at_most) {
            (Some(bar), _) => ("at least", bar),
            (_, bar) => ("at most", bar.unwrap_or_default()),
        };
        let bar_text = number(bar);
        let Some(measured) = self.measured else {
            return format!("| {what} | {word} {bar_text} {unit} | | not measured |");
        };
        let part = if self.at_least.is_some() { measured / bar } else { bar / measured };
        let verdict = if part >= 1.0 {
            "met".to_owned()
        } else {
            format!("missed: {:.0} % of it", part * 100.0)
        };
        format!("| {what} | {word} {bar_text} {unit} | {} {unit} | {verdict} |", number(measured))
    }
}

/// Small numbers with two decimals, large ones in thousands.
pub(crate) fn number(value: f64) -> String {
    if value < 1_000.0 {
        let text = format!("{value:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
