//! `quipu-verify`: the verdict over an export or a proof, in words and as an exit code.

mod cli;

use std::io::Write as _;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    match cli::Cli::parse().run() {
        Ok(holds) => std::process::ExitCode::from(u8::from(!holds)),
        Err(error) => {
            drop(writeln!(std::io::stderr(), "quipu-verify: {error}"));
            std::process::ExitCode::from(cli::UNUSABLE)
        }
    }
}
