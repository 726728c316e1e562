//! `quipu bench`: how fast it is, and whether the book is right afterwards.

mod acknowledged;
mod actor;
mod as_of;
mod batch;
mod books;
mod connection;
mod debits;
mod disk;
mod driven;
mod fairness;
mod fill;
mod history;
mod holds;
mod mixed;
mod observer;
mod replay;
mod report;
mod restart;
mod run_id;
mod setup;
mod stage;
mod usage_body;

use std::time::Duration;

use clap::{Args, ValueEnum};
use quipu_load::Distribution;
use serde::Serialize;

use crate::error::CliError;
use crate::exit_codes;

/// Measure how fast a workload goes, and check the book afterwards
///
/// Without --server, starts a server of a fresh book in this process and drives it over HTTP. Every
/// client sends its next request when the last one is answered. Durability stays on. Afterwards
/// the book is verified; where it does not hold, no figure is shown and the exit code is 1.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// What to do
    #[arg(value_enum)]
    workload: Workload,
    #[command(flatten)]
    target: stage::TargetArgs,
    /// Clients side by side [default: 64; 16 for batch and for many commands in a request, 1 for
    /// history]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: Option<u16>,
    /// Debits, holds or settlements in a request, for hot, spread and holds: alone at their own
    /// endpoints, more at the one for many commands
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    commands_per_request: u16,
    /// How long to measure
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// How long to go before measuring, in seconds
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    warm_up: u64,
    /// Wallets to choose among [default: 1 for hot, 10 for as-of, 10000 otherwise]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    wallets: Option<u32>,
    /// How often each wallet is chosen
    #[arg(long, value_enum, default_value_t = Distribution::Uniform)]
    distribution: Distribution,
    /// Events of the book, for replay, restart and as-of [default: 1000000]; of a further wallet,
    /// for history
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    events: Option<u64>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
enum Workload {
    /// Debit one wallet
    Hot,
    /// Debit many wallets
    Spread,
    /// Record usage in batches of 1,000, priced by a token table
    Batch,
    /// Reserve credits and settle them
    Holds,
    /// A little of everything
    Mixed,
    /// Build the views anew from the journal
    Replay,
    /// Start a server of a book that is there
    Restart,
    /// Debit wallets with pasts of different lengths
    History,
    /// Ask about moments of the past, and fold the journal to compare
    AsOf,
    /// Debit many wallets, alone and while another one is flooded
    Fairness,
}

impl Workload {
    /// Whether it is commands of one kind that it sends, which fit into one request.
    const fn is_of_commands(self) -> bool {
        matches!(self, Workload::Hot | Workload::Spread | Workload::Holds)
    }
}

/// Measures and shows.
pub(crate) fn run(args: &BenchArgs, json: bool) -> Result<u8, CliError> {
    let wallets = args.wallets();
    let per_request = args.commands_per_request()?;
    let report = match args.workload {
        Workload::Hot | Workload::Spread => driven::run(args, "debit", wallets, |actor, _, _| {
            debits::Debits::new(actor, per_request)
        }),
        Workload::Batch => driven::run(args, "usage record", wallets, |actor, run, number| {
            batch::Batches::new(actor, run, number, batch::RECORDS)
        }),
        Workload::Holds => driven::run(args, "hold and settlement", wallets, |actor, _, _| {
            holds::Pairs::new(actor, per_request)
        }),
        Workload::Mixed => {
            driven::run(args, "debit, pair, usage record or read", wallets, mixed::Mixed::new)
        }
        Workload::Replay => replay::run(args, wallets),
        Workload::Restart => restart::run(args, wallets),
        Workload::History => history::run(args),
        Workload::AsOf => as_of::run(args, wallets),
        Workload::Fairness => fairness::run(args, wallets),
    }?;
    report.show(json)?;
    Ok(exit_codes::OK)
}

impl BenchArgs {
    fn connections(&self) -> usize {
        let default = match self.workload {
            Workload::Batch => 16,
            Workload::History => 1,
            _ if self.commands_per_request > 1 => 16,
            _ => 64,
        };
        self.connections.map_or(default, usize::from)
    }

    fn commands_per_request(&self) -> Result<u16, CliError> {
        if self.commands_per_request == 1 || self.workload.is_of_commands() {
            return Ok(self.commands_per_request);
        }
        Err(CliError::Malformed {
            what: "only hot, spread and holds send many commands in a request".into(),
            hint: "leave out --commands-per-request, or measure one of these".into(),
        })
    }

    fn wallets(&self) -> usize {
        let default = match self.workload {
            Workload::Hot => 1,
            Workload::AsOf => 10,
            _ => 10_000,
        };
        self.wallets.map_or(default, |wallets| wallets as usize)
    }

    fn events(&self) -> u64 {
        self.events.unwrap_or(1_000_000)
    }

    const fn warm_up(&self) -> Duration {
        Duration::from_secs(self.warm_up)
    }

    const fn measured(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}
