//! The command line: which verbs there are.

use clap::{Parser, Subcommand};

use crate::error::CliError;
use crate::{
    assert, balance, bench, checkpoint, close, demo, diff, entries, erase, exit_codes, explain,
    export, import, keys, projections, prove, replay, serve, trial_balance, verify, witness,
};

/// The book of record for software and AI-agent usage: credits in, usage out, every number
/// explained.
#[derive(Debug, Parser)]
#[command(name = "quipu", version, after_help = exit_codes::HELP, max_term_width = 100)]
pub(crate) struct Cli {
    /// Write JSON instead of tables; for servers, write the log as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Serve(serve::ServeArgs),
    Demo(demo::DemoArgs),
    Import(import::ImportArgs),
    Export(Box<export::ExportArgs>),
    Balance(balance::BalanceArgs),
    Entries(entries::EntriesArgs),
    Explain(Box<explain::ExplainArgs>),
    TrialBalance(trial_balance::TrialBalanceArgs),
    Close(close::CloseArgs),
    Assert(assert::AssertArgs),
    Erase(erase::EraseArgs),
    Verify(verify::VerifyArgs),
    Replay(replay::ReplayArgs),
    Diff(diff::DiffArgs),
    Checkpoint(checkpoint::CheckpointArgs),
    Prove(prove::ProveArgs),
    Witness(witness::WitnessArgs),
    Keys(keys::KeysCommand),
    Projections(projections::ProjectionsArgs),
    Bench(Box<bench::BenchArgs>),
}

impl Cli {
    /// Does what was asked; the number is the exit code.
    pub(crate) fn run(self) -> Result<u8, CliError> {
        match self.verb {
            Verb::Serve(args) => serve::run(&args, self.json),
            Verb::Demo(args) => demo::run(&args, self.json),
            Verb::Import(args) => import::run(&args, self.json),
            Verb::Export(args) => export::run(&args, self.json),
            Verb::Balance(args) => balance::run(&args, self.json),
            Verb::Entries(args) => entries::run(&args, self.json),
            Verb::Explain(args) => explain::run(&args, self.json),
            Verb::TrialBalance(args) => trial_balance::run(&args, self.json),
            Verb::Close(args) => close::run(&args, self.json),
            Verb::Assert(args) => assert::run(&args, self.json),
            Verb::Erase(args) => erase::run(&args, self.json),
            Verb::Verify(args) => verify::run(&args, self.json),
            Verb::Replay(args) => replay::run(&args, self.json),
            Verb::Diff(args) => diff::run(&args, self.json),
            Verb::Checkpoint(args) => checkpoint::run(&args, self.json),
            Verb::Prove(args) => prove::run(&args, self.json),
            Verb::Witness(args) => witness::run(&args, self.json),
            Verb::Keys(args) => keys::run(&args, self.json),
            Verb::Projections(args) => projections::run(&args, self.json),
            Verb::Bench(args) => bench::run(&args, self.json),
        }
    }
}
