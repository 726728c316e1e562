//! A server beside other work of this process, for who drives it over HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use quipu_sealing::SubjectKeys;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::opening::Opening;
use super::parts::Parts;
use super::{BACKDATING_DAYS, FINISHING, Signing};
use crate::book::Book;
use crate::error::CliError;
use crate::signals::Signals;

/// A server on a free loopback port, which answers until it is stopped.
pub(crate) struct Beside {
    /// Where it is reached.
    pub(crate) address: SocketAddr,
    /// Becomes true with the first signal, which ends the server too.
    pub(crate) stopping: Arc<AtomicBool>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), CliError>>,
}

impl Beside {
    /// Takes the book and serves it, as `quipu serve` does by default. What the environment says of
    /// keys is said of another book.
    pub(crate) fn start(
        book: &Book,
        keys: SubjectKeys,
        runtime: &Runtime,
    ) -> Result<Beside, CliError> {
        super::log_to_stderr(false);
        let signals = Signals::watch(runtime.handle(), FINISHING)?;
        let opening = Opening::listen((Ipv4Addr::LOCALHOST, 0).into(), runtime)?;
        let address = opening.address()?;
        let Some(parts) = Parts::start(
            book,
            keys,
            BACKDATING_DAYS,
            &Signing::unsaid(&book.place),
            runtime.handle(),
            &signals,
            &opening,
        )?
        else {
            return Err(CliError::Unavailable {
                what: "stopped by a signal while it waited for the book".into(),
                hint: "run it again once the book is free".into(),
            });
        };
        let (stop, stopped) = oneshot::channel();
        let first = signals.first();
        let shutdown = async move {
            tokio::select! {
                // Gone without a word is a reason to stop too.
                _ = stopped => {}
                () = first => {}
            }
        };
        let served = runtime.spawn(parts.serve(opening.done(), shutdown));
        Ok(Beside { address, stopping: signals.stopping(), stop, served })
    }

    /// Finishes what is under way, and lets the book go.
    pub(crate) fn stop(self, runtime: &Runtime) -> Result<(), CliError> {
        drop(self.stop);
        runtime.block_on(self.served).map_err(|_| super::panicked())?
    }
}
