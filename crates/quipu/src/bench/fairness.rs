//! `fairness`: whether a flood on one wallet is felt by those who work on others.

use std::collections::BTreeMap;
use std::time::Duration;

use quipu_load::{Choice, Extent, LatencySummary, Measured, Session, Step, per_second, ratio};
use serde::Serialize;

use super::BenchArgs;
use super::acknowledged::Acks;
use super::actor::Actor;
use super::books::{self, Books};
use super::connection::Connection;
use super::debits::Debits;
use super::driven::Client;
use super::observer::{self, Observed};
use super::report::Report;
use super::run_id::RunId;
use super::setup;
use super::stage::Stage;
use crate::error::CliError;

/// Clients that flood one wallet: more than a tenant may have requests under way, and many times
/// the load that a server can take.
const FLOODING: usize = 2_560;

#[derive(Serialize)]
struct Figures {
    /// Clients that do not flood, each on any wallet but the flooded one.
    alone: Part,
    beside_a_flood: Part,
    /// What the flood itself got through.
    flood: Part,
    /// Beside the flood against alone.
    p50_ratio: f64,
    p99_ratio: f64,
    books: Books,
}

#[derive(Serialize)]
struct Part {
    debits_per_second: u64,
    latency: LatencySummary,
    refused: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
    /// Server and clients: they are one process.
    resident_mib: u64,
}

/// What was measured alone, beside the flood, and of the flood.
struct Parts([Part; 3]);

/// Drives many wallets, then the same again while one more wallet is flooded.
pub(super) fn run(args: &BenchArgs, wallets: usize) -> Result<Report, CliError> {
    let stage = args.target.open()?;
    let run = RunId::new();
    let mut report = Report::new(args, &stage, wallets)?;
    let (Parts([alone, beside_a_flood, flood]), acks) =
        stage.drive(drive(args, &stage, &run, wallets))?;
    let books = Books::proved(stage, &acks)?;
    let against =
        |of: fn(&LatencySummary) -> u64| ratio(of(&beside_a_flood.latency), of(&alone.latency));
    let (p50_ratio, p99_ratio) = (against(|it| it.p50_us), against(|it| it.p99_us));
    report.figures(&Figures { alone, beside_a_flood, flood, p50_ratio, p99_ratio, books })?;
    Ok(report)
}

async fn drive(
    args: &BenchArgs,
    stage: &Stage,
    run: &RunId,
    wallets: usize,
) -> Result<(Parts, Acks), CliError> {
    setup::set_up(stage.address, run, wallets + 1, &stage.stopping).await?;
    let extent = Extent::Time { warm_up: args.warm_up(), measured: args.measured() };
    let steady = |part: usize| {
        let choice = Choice::new(args.distribution, wallets, 0);
        let client = move |number| {
            let connection = Connection::new(stage.address);
            Debits::new(Actor::new(connection, run, 10_000 * part + number, 1, &choice), 1)
        };
        (0..args.connections()).map(client).collect::<Vec<_>>()
    };
    let flooding = |number| {
        let connection = Connection::new(stage.address);
        let only = Choice::new(args.distribution, 1, 0);
        Flood(Actor::new(connection, run, 30_000 + number, 0, &only))
    };
    let mut acks = Acks::default();
    let watch = observer::watch(stage.address, args.warm_up(), args.measured());
    let (alone, observed) =
        tokio::join!(quipu_load::run(steady(1), extent, &stage.stopping), watch);
    let alone = Part::of(alone, &observed?, &mut acks);
    let flooding = (0..FLOODING).map(flooding).collect();
    let watch = observer::watch(stage.address, args.warm_up(), args.measured());
    let (beside, flood, observed) = tokio::join!(
        quipu_load::run(steady(2), extent, &stage.stopping),
        quipu_load::run(flooding, extent, &stage.stopping),
        watch
    );
    let observed = observed?;
    let beside = Part::of(beside, &observed, &mut acks);
    let flood = Part::of(flood, &observed, &mut acks);
    books::caught_up(stage.address).await?;
    books::check_accounts(stage.address, run, &acks).await?;
    Ok((Parts([alone, beside, flood]), acks))
}

impl Part {
    fn of<C: Client>(
        (measured, clients): (Measured, Vec<C>),
        observed: &Observed,
        acks: &mut Acks,
    ) -> Part {
        clients.iter().for_each(|client| *acks += client.acks());
        Part {
            debits_per_second: per_second(measured.operations, measured.elapsed),
            latency: measured.latencies.summary(),
            refused: measured.refused,
            failed: measured.failed,
            resident_mib: observed.resident_mib,
        }
    }
}

/// Debits one wallet as fast as it is answered; a refusal says to come again in a second.
struct Flood(Actor);

impl Session for Flood {
    async fn step(&mut self) -> Step {
        let step = self.0.debit().await;
        if matches!(step, Step::Refused { .. }) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        step
    }
}

impl Client for Flood {
    fn acks(&self) -> Acks {
        self.0.acks()
    }
}
