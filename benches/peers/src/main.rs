//! The same debit elsewhere, on a PostgreSQL that is given: on `postgres-es` through its
//! `CqrsFramework`, and in plain SQL with a row lock.
//!
//! Both talk to the database directly, without HTTP, requests to parse or receipts to write: that
//! is in their favour. They are driven by the same closed loop as `quipu bench`, for as long and
//! with as many clients.

mod account;
mod event_sourced;
mod plain_sql;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use quipu_load::{
    Choice, Distribution, Extent, LatencySummary, Machine, Measured, per_second, run,
};
use serde::Serialize;

/// Measure how fast a peer debits
#[derive(Parser)]
struct Args {
    /// Who
    #[arg(value_enum)]
    peer: Peer,
    /// On one account, or on 10,000
    #[arg(value_enum)]
    workload: Workload,
    /// An empty PostgreSQL database
    #[arg(long, value_name = "URL")]
    database: String,
    /// Clients side by side
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: u32,
    /// How long to measure
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// How long to go before measuring, in seconds
    #[arg(long, value_name = "N", default_value_t = 2)]
    warm_up: u64,
    /// How often each account is chosen
    #[arg(long, value_enum, default_value_t = Distribution::Uniform)]
    distribution: Distribution,
}

#[derive(Clone, Copy, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum Peer {
    /// postgres-es, through `CqrsFramework`
    PostgresEs,
    /// SELECT ... FOR UPDATE, two inserts and an update in one transaction
    PlainSql,
}

#[derive(Clone, Copy, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
enum Workload {
    Hot,
    Spread,
}

/// The fields that `quipu bench --json` has too, as far as they apply.
#[derive(Serialize)]
struct Report {
    peer: Peer,
    workload: Workload,
    store: &'static str,
    connections: u32,
    wallets: usize,
    distribution: Distribution,
    seconds: u64,
    warm_up_seconds: u64,
    machine: Machine,
    settings: BTreeMap<String, String>,
    operation: &'static str,
    operations_per_second: u64,
    requests_per_second: u64,
    latency: LatencySummary,
    /// Debits that another one of the same account pushed aside, a second.
    conflicts_per_second: u64,
    refused: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
}

/// What goes wrong before or after measuring.
#[derive(Debug, thiserror::Error)]
enum PeerError {
    #[error("the database: {0}")]
    Database(#[from] tokio_postgres::Error),
    #[error("the pool of connections: {0}")]
    Pool(String),
    #[error("the books are wrong: {0}")]
    WrongBooks(String),
    #[error("cannot write: {0}")]
    Write(#[from] serde_json::Error),
    #[error("no runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

/// What a run of a peer needs to know.
struct Plan {
    url: String,
    connections: u32,
    accounts: usize,
    choice: Choice,
    extent: Extent,
}

fn main() -> Result<(), PeerError> {
    let args = Args::parse();
    let accounts = match args.workload {
        Workload::Hot => 1,
        Workload::Spread => 10_000,
    };
    let plan = Plan {
        url: args.database.clone(),
        connections: args.connections,
        accounts,
        choice: Choice::new(args.distribution, accounts, 0),
        extent: Extent::Time {
            warm_up: Duration::from_secs(args.warm_up),
            measured: Duration::from_secs(args.seconds),
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let settings = runtime.block_on(settings(&args.database))?;
    let measured = runtime.block_on(async {
        match args.peer {
            Peer::PostgresEs => event_sourced::measure(&plan).await,
            Peer::PlainSql => plain_sql::measure(&plan).await,
        }
    })?;
    let report = report(&args, accounts, settings, measured);
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}

fn report(
    args: &Args,
    accounts: usize,
    settings: BTreeMap<String, String>,
    measured: Measured,
) -> Report {
    let conflicts = measured.refused.get(account::CONFLICT).copied().unwrap_or_default();
    Report {
        peer: args.peer,
        workload: args.workload,
        store: "postgres",
        connections: args.connections,
        wallets: accounts,
        distribution: args.distribution,
        seconds: args.seconds,
        warm_up_seconds: args.warm_up,
        machine: Machine::here(),
        settings,
        operation: "debit",
        operations_per_second: per_second(measured.operations, measured.elapsed),
        requests_per_second: per_second(measured.requests, measured.elapsed),
        latency: measured.latencies.summary(),
        conflicts_per_second: per_second(conflicts, measured.elapsed),
        refused: measured.refused,
        failed: measured.failed,
    }
}

/// Drives sessions that nobody stops early.
async fn drive<S: quipu_load::Session + 'static>(plan: &Plan, sessions: Vec<S>) -> Measured {
    run(sessions, plan.extent, &AtomicBool::new(false)).await.0
}

/// A connection of one's own, to prepare and to check.
async fn connect(url: &str) -> Result<tokio_postgres::Client, PeerError> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("connection to PostgreSQL ended: {error}");
        }
    });
    Ok(client)
}

async fn settings(url: &str) -> Result<BTreeMap<String, String>, PeerError> {
    const SQL: &str = "SELECT name, setting FROM pg_settings WHERE name IN \
         ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method')";
    let rows = connect(url).await?.query(SQL, &[]).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
