//! `history`: whether a command costs more on a wallet with a long past.

use std::time::Duration;

use quipu_load::{Choice, Distribution, Extent, Latencies, LatencySummary, Session, Step, ratio};
use serde::Serialize;

use super::BenchArgs;
use super::acknowledged::Acks;
use super::actor::Actor;
use super::books::{self, Books};
use super::connection::Connection;
use super::driven::Client;
use super::fill::fill;
use super::report::Report;
use super::run_id::RunId;
use super::setup;
use super::stage::Stage;
use crate::error::CliError;

/// How many usage records each wallet has; `--events` adds a further one.
const PASTS: [u64; 3] = [10, 10_000, 1_000_000];

#[derive(Serialize)]
struct Figures {
    wallets_by_past: Vec<Past>,
    /// The longest past against the shortest.
    p50_ratio: f64,
    p99_ratio: f64,
    books: Books,
}

#[derive(Serialize)]
struct Past {
    events: u64,
    debits: u64,
    latency: LatencySummary,
}

/// Gives wallets pasts of different lengths, and debits them in turns.
pub(super) fn run(args: &BenchArgs) -> Result<Report, CliError> {
    let stage = args.target.open()?;
    let run = RunId::new();
    let pasts: Vec<u64> = PASTS.into_iter().chain(args.events).collect();
    let mut report = Report::new(args, &stage, pasts.len())?;
    let (turns, acks) = stage.drive(drive(args, &stage, &run, &pasts))?;
    let books = Books::proved(stage, &acks)?;
    let wallets: Vec<Past> = pasts
        .iter()
        .zip(&turns)
        .map(|(events, latencies)| Past {
            events: *events,
            debits: latencies.count(),
            latency: latencies.summary(),
        })
        .collect();
    let against = |of: fn(&LatencySummary) -> u64| match (wallets.first(), wallets.last()) {
        (Some(first), Some(last)) => ratio(of(&last.latency), of(&first.latency)),
        _ => 0.0,
    };
    let (p50_ratio, p99_ratio) = (against(|it| it.p50_us), against(|it| it.p99_us));
    report.figures(&Figures { wallets_by_past: wallets, p50_ratio, p99_ratio, books })?;
    Ok(report)
}

async fn drive(
    args: &BenchArgs,
    stage: &Stage,
    run: &RunId,
    pasts: &[u64],
) -> Result<(Vec<Latencies>, Acks), CliError> {
    setup::set_up(stage.address, run, pasts.len(), &stage.stopping).await?;
    let mut acks = Acks::default();
    for (wallet, records) in pasts.iter().enumerate() {
        acks += fill(stage, run, wallet..wallet + 1, 100 * (wallet + 1), *records).await?;
    }
    books::caught_up(stage.address).await?;
    // The warm-up's latencies go with its sessions.
    let mut turns = Vec::new();
    for (part, measured) in [args.warm_up(), args.measured()].into_iter().enumerate() {
        let choice = Choice::new(Distribution::Uniform, pasts.len(), 0);
        let sessions = (0..args.connections()).map(|number| Turns {
            actor: Actor::new(
                Connection::new(stage.address),
                run,
                10_000 * (part + 1) + number,
                0,
                &choice,
            ),
            next: number,
            latencies: vec![Latencies::default(); pasts.len()],
        });
        let extent = Extent::Time { warm_up: Duration::ZERO, measured };
        let (_, done) = quipu_load::run(sessions.collect(), extent, &stage.stopping).await;
        turns = vec![Latencies::default(); pasts.len()];
        for session in done {
            acks += session.acks();
            turns.iter_mut().zip(&session.latencies).for_each(|(all, of_one)| all.add(of_one));
        }
    }
    books::caught_up(stage.address).await?;
    books::check_accounts(stage.address, run, &acks).await?;
    Ok((turns, acks))
}

/// Debits wallet after wallet, so that whatever else happens on the machine befalls all alike.
struct Turns {
    actor: Actor,
    next: usize,
    latencies: Vec<Latencies>,
}

impl Session for Turns {
    async fn step(&mut self) -> Step {
        let wallet = self.next % self.latencies.len();
        self.next += 1;
        let asked = std::time::Instant::now();
        let step = self.actor.debit_of(wallet).await;
        if matches!(step, Step::Done { .. }) {
            self.latencies[wallet].record(asked.elapsed());
        }
        step
    }
}

impl Client for Turns {
    fn acks(&self) -> Acks {
        self.actor.acks()
    }
}
