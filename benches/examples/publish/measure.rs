//! Runs the measurements, one after the other.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use quipu_testkit::postgres::Server;
use serde_json::Value;

/// How everything is measured.
pub(crate) struct Bench {
    quipu: PathBuf,
    peers: PathBuf,
    tigerbeetle: Option<PathBuf>,
    /// How long each measurement lasts.
    pub(crate) seconds: u64,
    /// Events of the books that are replayed and started.
    pub(crate) events: u64,
}

/// Who was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    QuipuOnSqlite,
    QuipuOnPostgres,
    PostgresEs,
    PlainSql,
    TigerBeetle,
}

/// What was measured, and what it came to.
pub(crate) struct Outcome {
    pub(crate) who: Who,
    /// The workload, with what it was varied by.
    pub(crate) workload: &'static str,
    /// The figures, or why there are none.
    pub(crate) figures: Result<Value, String>,
}

/// All outcomes, and how long they took.
pub(crate) struct Results {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) took: Duration,
}

/// The workloads in the order of the page: their names there, and how they are called.
const WORKLOADS: [(&str, &[&str]); 14] = [
    ("hot", &["hot"]),
    ("spread", &["spread"]),
    ("spread, 100 debits a request", &["spread", "--commands-per-request", "100"]),
    ("spread, zipf", &["spread", "--distribution", "zipf"]),
    ("batch", &["batch"]),
    ("holds", &["holds"]),
    ("holds, 100 a request", &["holds", "--commands-per-request", "100"]),
    ("mixed", &["mixed"]),
    ("replay", &["replay"]),
    ("restart", &["restart"]),
    ("history", &["history"]),
    ("as-of, 100,000 events", &["as-of", "--events", "100000"]),
    ("as-of", &["as-of"]),
    ("fairness", &["fairness"]),
];

impl Bench {
    /// `SECONDS_EACH`, `EVENTS`, `TIGERBEETLE`, and where the programs are.
    pub(crate) fn from_environment() -> Bench {
        let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let number = |name: &str| text(name).and_then(|value| value.parse().ok());
        let path = |name: &str, default: &str| text(name).unwrap_or_else(|| default.into()).into();
        Bench {
            quipu: path("QUIPU", "target/release/quipu"),
            peers: path("PEERS", "benches/peers/target/release/quipu-peers"),
            tigerbeetle: text("TIGERBEETLE")
                .map(|path| Path::new(&path).canonicalize().unwrap_or(path.into())),
            seconds: number("SECONDS_EACH").unwrap_or(3),
            events: number("EVENTS").unwrap_or(200_000),
        }
    }

    /// Measures everything.
    pub(crate) fn measure_all(&self) -> Results {
        let began = Instant::now();
        let postgres = Server::own();
        let mut outcomes = Vec::new();
        for (workload, arguments) in WORKLOADS {
            outcomes.push(self.quipu(Who::QuipuOnSqlite, workload, arguments, None));
            let database = postgres.database();
            outcomes.push(self.quipu(Who::QuipuOnPostgres, workload, arguments, Some(&database)));
            if matches!(workload, "hot" | "spread") {
                for (who, name) in [(Who::PostgresEs, "postgres-es"), (Who::PlainSql, "plain-sql")]
                {
                    let mut command = Command::new(&self.peers);
                    command.args([name, workload, "--database", &postgres.database()]);
                    command.args(["--seconds", &self.seconds.to_string()]);
                    outcomes.push(outcome(who, workload, &mut command));
                }
            }
            if workload == "batch" {
                outcomes.push(self.tigerbeetle(workload));
            }
        }
        Results { outcomes, took: began.elapsed() }
    }

    fn quipu(
        &self,
        who: Who,
        workload: &'static str,
        arguments: &[&str],
        database: Option<&str>,
    ) -> Outcome {
        let mut command = Command::new(&self.quipu);
        command.arg("bench").args(arguments).args(["--json", "--seconds"]);
        command.arg(self.seconds.to_string());
        if matches!(workload, "replay" | "restart" | "as-of") {
            command.args(["--events", &self.events.to_string()]);
        }
        if let Some(database) = database {
            command.args(["--database", database]);
        }
        outcome(who, workload, &mut command)
    }

    /// Its own benchmark: transfers between accounts, in batches, by its own client.
    fn tigerbeetle(&self, workload: &'static str) -> Outcome {
        let figures = match &self.tigerbeetle {
            None => Err("not run: set TIGERBEETLE=path".to_owned()),
            // It leaves its data file where it runs.
            Some(program) => run(Command::new(program).arg("benchmark").current_dir("target"))
                .and_then(|text| {
                    let (_, rest) = text.split_once("load accepted = ").ok_or("no figure found")?;
                    let number = rest.split_whitespace().next().and_then(|text| text.parse().ok());
                    let number: u64 = number.ok_or("no figure found")?;
                    Ok(serde_json::json!({ "operations_per_second": number }))
                }),
        };
        Outcome { who: Who::TigerBeetle, workload, figures }
    }
}

fn outcome(who: Who, workload: &'static str, command: &mut Command) -> Outcome {
    eprintln!("{workload}: {}", who.name());
    let figures = run(command)
        .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    if let Err(why) = &figures {
        eprintln!("  no figure: {why}");
    }
    Outcome { who, workload, figures }
}

/// What it wrote on its standard output, or on the other if it failed.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.split_whitespace().collect::<Vec<_>>().join(" "))
}

impl Who {
    /// As the page names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Who::QuipuOnSqlite => "Quipu on SQLite",
            Who::QuipuOnPostgres => "Quipu on PostgreSQL",
            Who::PostgresEs => "postgres-es",
            Who::PlainSql => "plain SQL",
            Who::TigerBeetle => "TigerBeetle `benchmark`",
        }
    }
}

impl Results {
    /// A figure by its path, such as `/latency/p99_us`.
    pub(crate) fn figure(&self, who: Who, workload: &str, path: &str) -> Option<f64> {
        self.figures(who, workload)?.pointer(path)?.as_f64()
    }

    /// All figures of a measurement.
    pub(crate) fn figures(&self, who: Who, workload: &str) -> Option<&Value> {
        let is_it = |it: &&Outcome| it.who == who && it.workload == workload;
        self.outcomes.iter().find(is_it)?.figures.as_ref().ok()
    }

    /// The workloads, in order.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = &'static str> {
        WORKLOADS.iter().map(|(name, _)| *name)
    }
}
