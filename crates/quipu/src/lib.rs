//! The one binary: command line, configuration and wiring.
//!
//! `serve` wires the parts to a server; `verify` and `projections` open the store themselves; the
//! other verbs are clients that talk HTTP like anybody. One file per verb.
//!
//! **Absent from this crate:** rules. Nothing here decides about credits, events or rows.

mod balance;
mod bench;
mod book;
mod cli;
mod client;
mod demo;
mod entries;
mod erase;
mod error;
pub mod exit_codes;
mod feed;
mod import;
mod output;
mod projections;
mod serve;
mod server;
mod subject_keys;
mod usage;
mod verify;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser as _;

use error::CliError;

/// Reads the command line, does what it asks, and says on standard error what went wrong and
/// what to do next.
#[must_use]
pub fn run() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => ExitCode::from(code),
        // Whoever read the output has seen enough, as in `quipu entries t_acme | head`.
        Err(CliError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => {
            ExitCode::from(exit_codes::INTERRUPTED)
        }
        Err(error) => {
            eprintln!("quipu: {error}\n       {}", error.hint());
            ExitCode::from(error.exit_code())
        }
    }
}
