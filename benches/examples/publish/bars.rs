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
    /// Where it is missed: what the profile shows as the next cost, and what would remove it.
    next: &'static str,
}

const SPREAD: &str = "of the two cores, HTTP and JSON on both sides take 39 %, which the peer \
    does not have; PostgreSQL 32 %, most of it for the six rows that a debit has in the views, \
    where in `hot` many debits share them; deciding, committing and folding 20 %. `spread, 100 \
    debits a request` shows what is left without most of the exchanges.";
const SPREAD_TOGETHER: &str = "with 100 debits to an exchange, what is left is JSON, deciding, \
    committing, and a row in each view for each debit, on two cores that the clients share.";
const BATCH: &str = "views, deciding, committing and requests take 40, 23, 23 and 11 % of the two \
    cores, in many small places, and much of it waits for memory that is cold. Of the views' part \
    two thirds is folding and a third writing, of the commits' part a quarter is moving SQLite's \
    log into the file. A tenant's rows side by side in memory would make one search of a dozen. \
    Fewer rows would not help: without a usage report's days and months, six rows a record in \
    place of eight, it was no faster.";
const BATCH_POSTGRES: &str = "folding costs what it does on SQLite; then the rows cross as \
    arrays, 4,096 to a statement, and the server's process, which shares the two cores, spends 25 \
    to 40 us on each. Two rows of eight less made 3 % more records; to update what is known to be \
    there, in place of `INSERT ... ON CONFLICT`, halved the records of PostgreSQL's own log and \
    took as long. What would help is a server with cores of its own.";
const HOLDS: &str = "a pair is two requests. HTTP and JSON on both sides take 46 % of the two \
    cores, more than deciding and committing (22 %) or the views (20 %, most of it writing). \
    `holds, 100 a request` shares the exchange.";
const HOLDS_TOGETHER: &str = "with 100 commands to an exchange, what is left is JSON, deciding and \
    committing two events a pair, and their rows in the views, on two cores that the clients share.";
const REPLAY: &str = "42 % is folding (two fifths of that usage), 41 % reading the journal and \
    parsing its JSON, 10 % writing rows, beside each other. In this virtual machine a first touch of \
    memory costs as much as a row: 7 % of a long replay, and 20 % of one of 200,000 events, is zeroing \
    it. What is folded looks its rows up in memory that is cold: a tenant's rows side by side would make \
    one search of a dozen. An event is moved some eight times on its way from text to fold (8 %), \
    which a box for its largest kinds would halve, for one more allocation each.";
const AS_OF: &str = "an answer is some ten questions to the database one after the other; on \
    PostgreSQL each wakes the server's process, 0.3 ms here. A page of entries also reads the commits that its \
    events are in, a thousand events each in this book: an index of places inside a commit would \
    read only those.";
const LAG: &str = "a transaction of the views takes what was folded while the one before was \
    saved, up to 131,072 events, which become visible together: the lag is the time of two. \
    Commands may be 65,536 events ahead of what is folded, so that it has a limit however long \
    the load lasts. What makes it shorter costs throughput, because fewer changes of a row become \
    one: with commands at most 80,000 events ahead of what is saved, it fell by a fifth for 5 % \
    fewer records on SQLite, and by three tenths for a third fewer on PostgreSQL.";
const FAIRNESS: &str = "a flooding tenant's commands wait for their turn, but its requests are read \
    and parsed before, on the same two cores that clients and server share. The bar is \
    a ratio: what is quicker without a flood, such as views that gather events, raises it though \
    nobody waits longer.";

/// A line for each bar.
pub(crate) fn lines(results: &Results) -> Vec<String> {
    bars(results).iter().map(Bar::line).collect()
}

/// For each bar that is missed, what stands between.
pub(crate) fn next(results: &Results) -> Vec<String> {
    let bars = bars(results);
    let missed = bars.iter().filter(|bar| bar.part().is_some_and(|part| part < 1.0));
    missed.map(|bar| format!("- **{}**: {}", bar.what, bar.next)).collect()
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
    let as_of = |store, who, read| {
        let events = figure(who, "as-of", "/events").unwrap_or_default();
        let p99 = figure(who, "as-of", &format!("/latency/{read}/p99_us"));
        let what = format!("{read} as of a moment, {store}, p99, {} events", number(events));
        at_most(what, p99.map(|micros| micros / 1e3), 20.0, "ms").next(AS_OF)
    };
    let flooded = |who| figure(who, "fairness", "/p99_ratio");
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
        )
        .next(SPREAD),
        at_least(
            "spread, 100 debits a request, PostgreSQL, against postgres-es one by one",
            speed(QuipuOnPostgres, "spread, 100 debits a request")
                .zip(speed(PostgresEs, "spread"))
                .map(|(a, b)| a / b),
            10.0,
            "x",
        )
        .next(SPREAD_TOGETHER),
        at_least(
            "batch with views caught up, SQLite",
            with_views(QuipuOnSqlite),
            200_000.0,
            "records/s",
        )
        .next(BATCH),
        at_least(
            "batch with views caught up, PostgreSQL",
            with_views(QuipuOnPostgres),
            100_000.0,
            "records/s",
        )
        .next(BATCH_POSTGRES),
        at_least("holds, SQLite", speed(QuipuOnSqlite, "holds"), 10_000.0, "pairs/s").next(HOLDS),
        at_least("holds, PostgreSQL", speed(QuipuOnPostgres, "holds"), 10_000.0, "pairs/s")
            .next(HOLDS),
        at_least(
            "holds, 100 a request, SQLite",
            speed(QuipuOnSqlite, "holds, 100 a request"),
            10_000.0,
            "pairs/s",
        )
        .next(HOLDS_TOGETHER),
        at_least(
            "holds, 100 a request, PostgreSQL",
            speed(QuipuOnPostgres, "holds, 100 a request"),
            10_000.0,
            "pairs/s",
        )
        .next(HOLDS_TOGETHER),
        at_least(
            "replay, SQLite",
            figure(QuipuOnSqlite, "replay", "/events_per_second"),
            300_000.0,
            "events/s",
        )
        .next(REPLAY),
        at_most(restarted("SQLite", QuipuOnSqlite), ready(QuipuOnSqlite), 2.0, "s"),
        at_most(restarted("PostgreSQL", QuipuOnPostgres), ready(QuipuOnPostgres), 2.0, "s"),
        at_most("history, SQLite: longest against shortest past", history(QuipuOnSqlite), 1.2, "x"),
        at_most(
            "history, PostgreSQL: longest against shortest past",
            history(QuipuOnPostgres),
            1.2,
            "x",
        ),
        as_of("SQLite", QuipuOnSqlite, "balance"),
        as_of("SQLite", QuipuOnSqlite, "entries"),
        as_of("SQLite", QuipuOnSqlite, "usage"),
        as_of("PostgreSQL", QuipuOnPostgres, "balance"),
        as_of("PostgreSQL", QuipuOnPostgres, "entries"),
        as_of("PostgreSQL", QuipuOnPostgres, "usage"),
        at_most("lag p99 during batch, SQLite", lag(QuipuOnSqlite), 1.0, "s").next(LAG),
        at_most("lag p99 during batch, PostgreSQL", lag(QuipuOnPostgres), 1.0, "s").next(LAG),
        at_most("fairness, SQLite: p99 beside a flood", flooded(QuipuOnSqlite), 2.0, "x")
            .next(FAIRNESS),
        at_most("fairness, PostgreSQL: p99 beside a flood", flooded(QuipuOnPostgres), 2.0, "x")
            .next(FAIRNESS),
        at_most("bytes on disk over payload, batch, SQLite", disk(QuipuOnSqlite), 2.0, "x"),
        at_most("bytes on disk over payload, batch, PostgreSQL", disk(QuipuOnPostgres), 2.0, "x"),
    ]
}

const NOT_FORESEEN: &str = "it was met before; measure again on a quiet machine, then profile.";

fn at_least(what: impl Into<String>, measured: Option<f64>, bar: f64, unit: &'static str) -> Bar {
    Bar {
        what: what.into(),
        measured,
        at_least: Some(bar),
        at_most: None,
        unit,
        next: NOT_FORESEEN,
    }
}

fn at_most(what: impl Into<String>, measured: Option<f64>, bar: f64, unit: &'static str) -> Bar {
    Bar {
        what: what.into(),
        measured,
        at_least: None,
        at_most: Some(bar),
        unit,
        next: NOT_FORESEEN,
    }
}

impl Bar {
    fn next(self, next: &'static str) -> Bar {
        Bar { next, ..self }
    }

    /// How much of it is reached; 1 and more is met.
    fn part(&self) -> Option<f64> {
        let measured = self.measured?;
        Some(match (self.at_least, self.at_most) {
            (Some(bar), _) => measured / bar,
            (_, bar) => bar.unwrap_or_default() / measured,
        })
    }

    fn line(&self) -> String {
        let Bar { what, unit, .. } = self;
        let (word, bar) = match (self.at_least, self.at_most) {
            (Some(bar), _) => ("at least", bar),
            (_, bar) => ("at most", bar.unwrap_or_default()),
        };
        let bar_text = number(bar);
        let (Some(measured), Some(part)) = (self.measured, self.part()) else {
            return format!("| {what} | {word} {bar_text} {unit} | | not measured |");
        };
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
