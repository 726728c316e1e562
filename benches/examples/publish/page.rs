//! The page that the figures are published on.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;

use crate::bars::{self, number};
use crate::measure::{Bench, Outcome, Results, Who};

/// A column: its heading, where its figure is, and what that is divided by.
type Column = (&'static str, &'static str, u32);

const SPEED: [Column; 10] = [
    ("operations/s", "/operations_per_second", 1),
    ("with views", "/operations_per_second_with_views", 1),
    ("p50 ms", "/latency/p50_us", 1_000),
    ("p99 ms", "/latency/p99_us", 1_000),
    ("p99.9 ms", "/latency/p999_us", 1_000),
    ("commits/s", "/commits_per_second", 1),
    ("events/commit", "/events_per_commit", 1),
    ("lag p99 ms", "/lag/p99_us", 1_000),
    ("disk/payload", "/disk/disk_over_payload", 1),
    ("RSS MiB", "/resident_mib", 1),
];
const REPLAY: [Column; 3] = [
    ("events", "/events", 1),
    ("seconds", "/replay_seconds", 1),
    ("events/s", "/events_per_second", 1),
];
const RESTART: [Column; 5] = [
    ("events", "/events", 1),
    ("ready after a stop, ms", "/starts/0/ready_ms", 1),
    ("its first debit, ms", "/starts/0/first_debit_ms", 1),
    ("ready after a kill, ms", "/starts/1/ready_ms", 1),
    ("its first debit, ms", "/starts/1/first_debit_ms", 1),
];
const HISTORY: [Column; 8] = [
    ("10 events: p50 ms", "/wallets_by_past/0/latency/p50_us", 1_000),
    ("p99 ms", "/wallets_by_past/0/latency/p99_us", 1_000),
    ("10,000: p50 ms", "/wallets_by_past/1/latency/p50_us", 1_000),
    ("p99 ms", "/wallets_by_past/1/latency/p99_us", 1_000),
    ("1,000,000: p50 ms", "/wallets_by_past/2/latency/p50_us", 1_000),
    ("p99 ms", "/wallets_by_past/2/latency/p99_us", 1_000),
    ("p50 ratio", "/p50_ratio", 1),
    ("p99 ratio", "/p99_ratio", 1),
];
const AS_OF: [Column; 14] = [
    ("events", "/events", 1),
    ("naive fold, s", "/naive_fold_seconds", 1),
    ("balance: p50 ms", "/latency/balance/p50_us", 1_000),
    ("p99 ms", "/latency/balance/p99_us", 1_000),
    ("entries: p50 ms", "/latency/entries/p50_us", 1_000),
    ("p99 ms", "/latency/entries/p99_us", 1_000),
    ("lots: p50 ms", "/latency/lots/p50_us", 1_000),
    ("p99 ms", "/latency/lots/p99_us", 1_000),
    ("holds: p50 ms", "/latency/holds/p50_us", 1_000),
    ("p99 ms", "/latency/holds/p99_us", 1_000),
    ("usage: p50 ms", "/latency/usage/p50_us", 1_000),
    ("p99 ms", "/latency/usage/p99_us", 1_000),
    ("trial balance: p50 ms", "/latency/trial_balance/p50_us", 1_000),
    ("p99 ms", "/latency/trial_balance/p99_us", 1_000),
];
const FAIRNESS: [Column; 10] = [
    ("alone: debits/s", "/alone/debits_per_second", 1),
    ("p50 ms", "/alone/latency/p50_us", 1_000),
    ("p99 ms", "/alone/latency/p99_us", 1_000),
    ("RSS MiB", "/alone/resident_mib", 1),
    ("beside a flood: debits/s", "/beside_a_flood/debits_per_second", 1),
    ("p50 ms", "/beside_a_flood/latency/p50_us", 1_000),
    ("p99 ms", "/beside_a_flood/latency/p99_us", 1_000),
    ("RSS MiB", "/beside_a_flood/resident_mib", 1),
    ("p99 ratio", "/p99_ratio", 1),
    ("the flood's debits/s", "/flood/debits_per_second", 1),
];

const NOTES: &str = "\
Quipu is driven over HTTP and answers with a receipt; the peers talk to the database directly, which is in
their favour. All are driven by the same closed loop, on one thread, for as long and with as many
clients. postgres-es has no batches: what Quipu does with many commands to a request is held against
its commands one by one. Only successes count. Every book was verified before its figures were written down:
hashes, states, balances and views recomputed from the stored bytes, the sum of all accounts zero,
and what was acknowledged found in the journal. \"With views\" counts the time in which the views
caught up after the load as part of the run. \"Disk/payload\" is journal plus views over the bytes of
the events' own texts. RSS is server and clients together, in one process, without PostgreSQL's.
";

/// The whole page.
pub(crate) fn write(bench: &Bench, results: &Results) -> String {
    let mut page = String::from(
        "# Results\n\nWritten by `make bench`; see [README.md](README.md) for what is measured.\n\n",
    );
    circumstances(&mut page, bench, results);
    page.push_str("\n## The bars\n\n| what | bar | measured | |\n|---|---|---:|---|\n");
    for line in bars::lines(results) {
        page.push_str(&line);
        page.push('\n');
    }
    let next = bars::next(results);
    if !next.is_empty() {
        page.push_str("\n## What stands between, where a bar is missed\n\n");
        page.push_str(&next.join("\n"));
        page.push('\n');
    }
    page.push_str("\n## The figures\n\n");
    page.push_str(NOTES);
    for workload in results.workloads() {
        let columns: &[Column] = match workload {
            "replay" => &REPLAY,
            "restart" => &RESTART,
            "history" => &HISTORY,
            "as-of, 100,000 events" | "as-of" => &AS_OF,
            "fairness" => &FAIRNESS,
            _ => &SPEED,
        };
        table(&mut page, results, workload, columns);
    }
    let _ = write!(
        page,
        "\n## Again\n\n```\nmake bench SECONDS_EACH={} EVENTS={}\n```\n",
        bench.seconds, bench.events
    );
    page
}

fn circumstances(page: &mut String, bench: &Bench, results: &Results) {
    let any = |path: &str| {
        let figures = results.outcomes.iter().filter_map(|outcome| outcome.figures.as_ref().ok());
        figures.filter_map(|it| it.pointer(path)).next().cloned().unwrap_or_default()
    };
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(page, "- {name}: {value}");
    };
    line(
        "machine",
        &format!(
            "{} cores of {}, {} MiB of memory, Linux {}",
            any("/machine/cores"),
            plain(&any("/machine/cpu")),
            any("/machine/memory_mib"),
            plain(&any("/machine/kernel")),
        ),
    );
    line("date", &said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]));
    line("commit", &said("git", &["describe", "--always", "--dirty"]));
    for who in [Who::QuipuOnSqlite, Who::QuipuOnPostgres] {
        let settings = results.figures(who, "hot").and_then(|it| it["settings"].as_object());
        let settings = settings.into_iter().flatten();
        let settings: Vec<String> =
            settings.map(|(name, value)| format!("{name} {}", plain(value))).collect();
        line(who.name(), &settings.join(", "));
    }
    line(
        "each measurement",
        &format!(
            "{} s after 2 s of warm-up; {} clients, 16 for batch and 100 a request, 1 for history",
            bench.seconds,
            any("/connections")
        ),
    );
    line("all of it took", &format!("{} s", results.took.as_secs()));
}

fn table(page: &mut String, results: &Results, workload: &str, columns: &[Column]) {
    let of_workload = || results.outcomes.iter().filter(|it| it.workload == workload);
    let operation = of_workload().find_map(|it| it.figures.as_ref().ok()?["operation"].as_str());
    let operation = operation.map(|name| format!(" (operation: {name})")).unwrap_or_default();
    let peer = results.figure(Who::PostgresEs, workload, "/operations_per_second");
    let headings = columns.iter().map(|column| column.0);
    let headings: Vec<&str> = headings.chain(peer.map(|_| "against postgres-es")).collect();
    let _ = writeln!(page, "\n### {workload}{operation}\n\n| | {} |", headings.join(" | "));
    let _ = writeln!(page, "|---|{}", "---:|".repeat(headings.len()));
    for Outcome { who, figures, .. } in of_workload() {
        let cells = match figures {
            Ok(figures) => cells(figures, columns, peer),
            Err(why) => vec![why.replace('|', "/")],
        };
        let _ = writeln!(page, "| {} | {} |", who.name(), cells.join(" | "));
    }
    for Outcome { who, figures, .. } in of_workload() {
        let Ok(figures) = figures else { continue };
        for kind in ["refused", "failed"] {
            let Some(counts) = figures[kind].as_object() else { continue };
            for (code, count) in counts {
                let _ = writeln!(page, "\n{}: {count} {kind}: {code}.", who.name());
            }
        }
    }
}

#[expect(clippy::float_arithmetic, reason = "units and quotients of measurements, for people")]
fn cells(figures: &Value, columns: &[Column], peer: Option<f64>) -> Vec<String> {
    let figure = |path: &str| figures.pointer(path).and_then(Value::as_f64);
    let cell = |(_, path, unit): &Column| {
        figure(path).map(|value| number(value / f64::from(*unit))).unwrap_or_default()
    };
    let speed = figure("/operations_per_second");
    let ratio = peer.zip(speed).map(|(peer, speed)| format!("{}x", number(speed / peer)));
    columns.iter().map(cell).chain(ratio).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".into(), |it| String::from_utf8_lossy(&it.stdout).trim().into())
}
