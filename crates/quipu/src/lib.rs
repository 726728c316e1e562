//! The one binary: command line, configuration and wiring.
//!
//! `serve` wires the parts to a server; `verify` and `projections` open the store themselves; the
//! other verbs are clients that talk HTTP like anybody. One file per verb.
//!
//! **Absent from this crate:** rules. Nothing here decides about credits, events or rows.

mod balance;
mod book;
mod cli;
mod client;
mod demo;
mod entries;
mod error;
pub mod exit_codes;
mod feed;
mod import;
mod output;
mod projections;
mod serve;
mod server;
mod usage;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

/// Reads the command line, does what it asks, and says on standard error what went wrong and
/// what to do next.
#[must_use]
pub fn run() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("quipu: {error}\n       {}", error.hint());
            ExitCode::from(error.exit_code())
        }
    }
}
