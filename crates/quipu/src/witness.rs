//! `quipu witness`: cosigns the checkpoints of somebody else's book.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use quipu_api::ServerOptions;
use quipu_engine::{Clock as _, SystemClock};
use quipu_proofs::{Algorithm, KeyFolder, LogName, VerifierKey, Witness};
use tokio::net::TcpListener;

use crate::error::CliError;
use crate::exit_codes;
use crate::server::{FINISHING, address, log_to_stderr};
use crate::signals::Signals;

/// Cosign the checkpoints of somebody else's book
///
/// Serves `POST /add-checkpoint` (c2sp.org/tlog-witness). A checkpoint is cosigned only if it
/// continues the one that was cosigned last, so a book that a witness watches cannot rewrite its
/// history and cannot go back. It says its own vkey, to be given to `quipu serve --witness`. Its folder must
/// not be restored from an older copy: a witness that lost its memory is replaced by one with
/// another key.
#[derive(Args, Debug)]
pub(crate) struct WitnessArgs {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7272", value_parser = address)]
    listen: SocketAddr,
    /// Keep the key, and each log's last checkpoint, in this folder
    #[arg(long, value_name = "DIR", default_value = "./quipu-witness")]
    keys: PathBuf,
    /// The witness's name
    #[arg(long, value_name = "NAME", default_value = "quipu.local/witness")]
    name: LogName,
    /// The verifier key of a log to watch; repeat it for more logs, and for more keys of one
    #[arg(long, value_name = "VKEY", required = true)]
    log: Vec<VerifierKey>,
}

/// Cosigns until a signal comes.
pub(crate) fn run(args: &WitnessArgs, json: bool) -> Result<u8, CliError> {
    if let Some(key) = args.log.iter().find(|key| key.algorithm() != Algorithm::Log) {
        return Err(CliError::Malformed {
            what: format!("{} is the key of a witness, not of a log", key.name()),
            hint: "name the vkey that `quipu keys list` of the log shows".into(),
        });
    }
    log_to_stderr(json);
    let runtime = crate::book::runtime()?;
    let signals = Signals::watch_of_server(runtime.handle(), FINISHING)?;
    let folder = KeyFolder::open(&args.keys)?;
    if folder.list()?.is_empty() {
        folder.generate(SystemClock.now())?;
    }
    let witness = Arc::new(Witness::new(args.name.clone(), folder, args.log.clone())?);
    let listener = runtime.block_on(TcpListener::bind(args.listen)).map_err(|error| {
        let what = format!("cannot listen on {}: {error}", args.listen);
        CliError::Unavailable { what, hint: "choose another address with --listen".into() }
    })?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    for log in &args.log {
        tracing::info!("watches {log}");
    }
    for key in witness.verifiers(SystemClock.now())? {
        tracing::info!("cosigns as {key}");
    }
    let router = quipu_api::witness_router(witness);
    let served = quipu_api::serve(listener, router, ServerOptions::default(), signals.first());
    runtime.block_on(served);
    Ok(exit_codes::OK)
}
