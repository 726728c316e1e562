//! `quipu serve`: the server.

use clap::Args;

use crate::error::CliError;
use crate::server::{self, ServingArgs};

/// Serve a book over HTTP
///
/// Where another server holds the book, waits for it to end and says who it is. One that loses the
/// book to another server ends with exit code 4: have it started again, and it waits. SIGINT and
/// SIGTERM end it once requests under way are answered; a second one ends it at once. What was
/// acknowledged is durable in any case. QUIPU_LOG chooses what is logged, such as "debug".
#[derive(Args, Debug)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    serving: ServingArgs,
}

/// Serves until a signal comes.
pub(crate) fn run(args: &ServeArgs, json: bool) -> Result<u8, CliError> {
    server::run(&args.serving, json, |_ready| Ok(Vec::new()))
}
