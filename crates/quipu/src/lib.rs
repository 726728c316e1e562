//! The one binary: command line, configuration and wiring.
//!
//! `serve` wires the parts to a server; `verify`, `replay`, `diff`, `export`, `import journal` and
//! `projections` open the store themselves, `checkpoint` and `prove` where they are told to; the
//! other verbs are clients that talk HTTP like anybody. `witness` is a server of its own, for
//! somebody else's book. One file per verb.
//!
//! **Absent from this crate:** rules. Nothing here decides about credits, events or rows.

mod assert;
mod balance;
mod bench;
mod book;
mod checkpoint;
mod cli;
mod client;
mod close;
mod csv_file;
mod demo;
mod diff;
mod entries;
mod erase;
mod error;
mod evidence;
pub mod exit_codes;
mod explain;
mod export;
mod feed;
mod import;
mod keys;
mod moment;
mod output;
mod projections;
mod prove;
mod replay;
mod serve;
mod server;
mod signals;
mod signing;
mod snapshot_source;
mod subject_keys;
mod trial_balance;
mod usage;
mod verify;
mod witness;

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
            output::tell(format_args!("quipu: {error}\n       {}", error.hint()));
            ExitCode::from(error.exit_code())
        }
    }
}
