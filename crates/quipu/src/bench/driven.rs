//! Workloads that drive a server for a time.

use std::collections::BTreeMap;
use std::time::Duration;

use quipu_load::{Choice, Extent, LatencySummary, Measured, Session, per_second, ratio, seconds};
use serde::Serialize;

use super::BenchArgs;
use super::acknowledged::Acks;
use super::actor::Actor;
use super::books::{self, Books};
use super::connection::Connection;
use super::disk::Disk;
use super::observer::{self, Observed};
use super::report::Report;
use super::run_id::RunId;
use super::setup;
use super::stage::Stage;
use crate::error::CliError;

/// A session that knows what was acknowledged to it.
pub(super) trait Client: Session + 'static {
    /// What was.
    fn acks(&self) -> Acks;
}

/// What a driven workload shows.
#[derive(Serialize)]
struct Figures {
    /// What an operation is.
    operation: &'static str,
    operations_per_second: u64,
    requests_per_second: u64,
    events_per_second: u64,
    /// As if the time in which the views caught up afterwards had been part of the run.
    operations_per_second_with_views: u64,
    latency: LatencySummary,
    commits_per_second: u64,
    events_per_commit: f64,
    lag: LatencySummary,
    views_caught_up_after_seconds: f64,
    refused: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
    /// Server and clients: they are one process.
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_mib: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<Disk>,
    books: Books,
}

/// What a run came to, before the book is closed.
struct Driven {
    measured: Measured,
    observed: Observed,
    acks: Acks,
    caught_up: Duration,
}

/// Drives a server with as many clients as were asked for, and checks its book. `operation` is
/// what one operation is called; `client` makes the client of a number.
pub(super) fn run<C: Client>(
    args: &BenchArgs,
    operation: &'static str,
    wallets: usize,
    client: impl Fn(Actor, &RunId, usize) -> C,
) -> Result<Report, CliError> {
    let stage = args.target.open()?;
    let run = RunId::new();
    let mut report = Report::new(args, &stage, wallets)?;
    let driven = stage.drive(drive(args, &stage, &run, wallets, &client))?;
    let began = std::time::Instant::now();
    let is_own = stage.store() != "server";
    let closed = stage.close()?;
    let disk = match &closed {
        Some(closed) => {
            let disk = Disk::measure(&closed.place, || closed.book())?;
            books::check_journal(&closed.book()?, &driven.acks)?;
            books::verify(&closed.place)?;
            Some(disk)
        }
        None => None,
    };
    let books = Books::checked(closed.is_some(), &driven.acks, began.elapsed());
    report.figures(&driven.figures(operation, is_own, disk, books))?;
    Ok(report)
}

async fn drive<C: Client>(
    args: &BenchArgs,
    stage: &Stage,
    run: &RunId,
    wallets: usize,
    client: impl Fn(Actor, &RunId, usize) -> C,
) -> Result<Driven, CliError> {
    setup::set_up(stage.address, run, wallets, &stage.stopping).await?;
    let choice = Choice::new(args.distribution, wallets, 0);
    let clients = (0..args.connections()).map(|number| {
        let connection = Connection::new(stage.address);
        client(Actor::new(connection, run, number, 0, &choice), run, number)
    });
    let (warm_up, measured) = (args.warm_up(), args.measured());
    let load =
        quipu_load::run(clients.collect(), Extent::Time { warm_up, measured }, &stage.stopping);
    let watch = observer::watch(stage.address, warm_up, measured);
    let ((measured, clients), observed) = tokio::join!(load, watch);
    let observed = observed?;
    let mut acks = Acks::default();
    clients.iter().for_each(|client| acks += client.acks());
    let caught_up = books::caught_up(stage.address).await?;
    books::check_accounts(stage.address, run, &acks).await?;
    Ok(Driven { measured, observed, acks, caught_up })
}

impl Driven {
    fn figures(
        self,
        operation: &'static str,
        is_own: bool,
        disk: Option<Disk>,
        books: Books,
    ) -> Figures {
        let Driven { measured, observed, caught_up, .. } = self;
        let elapsed = measured.elapsed;
        let counters = observed.counters;
        Figures {
            operation,
            operations_per_second: per_second(measured.operations, elapsed),
            requests_per_second: per_second(measured.requests, elapsed),
            events_per_second: per_second(counters.events, elapsed),
            operations_per_second_with_views: per_second(measured.operations, elapsed + caught_up),
            latency: measured.latencies.summary(),
            commits_per_second: per_second(counters.commits, elapsed),
            events_per_commit: ratio(counters.events, counters.commits),
            lag: observed.lag.summary(),
            views_caught_up_after_seconds: seconds(caught_up),
            refused: measured.refused,
            failed: measured.failed,
            resident_mib: is_own.then_some(observed.resident_mib),
            disk,
            books,
        }
    }
}
