//! The address of a server, from before it has its book on.
//!
//! A book may take long to open: another server writes to it, its database is away, or its tables
//! are brought up to date. Whoever asks meanwhile learns what is waited for.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use quipu_api::{ServerError, ServerOptions};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::error::CliError;

/// Most books are open sooner. So long requests wait, and are answered by the server itself: a
/// restart turns nobody away.
const SHORT: Duration = Duration::from_secs(1);
/// Tries for an address that is taken, a tenth of a second apart.
const TRIES: u32 = 20;

/// A server that listens and has not opened its book.
pub(super) struct Opening {
    listener: TcpListener,
    why: watch::Sender<&'static str>,
}

impl Opening {
    /// Listens; where the address is taken, waits a moment for its last holder to be gone, as after
    /// a restart.
    pub(super) fn listen(address: SocketAddr, runtime: &Runtime) -> Result<Opening, CliError> {
        let listener = runtime.block_on(listen(address))?;
        let (why, waiting) = watch::channel("its book is being read");
        let _inside = runtime.enter();
        let listener = listener.into_std()?;
        let shared = TcpListener::from_std(listener.try_clone()?)?;
        runtime.spawn(answer(shared, waiting));
        Ok(Opening { listener: TcpListener::from_std(listener)?, why })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> Result<SocketAddr, CliError> {
        Ok(self.listener.local_addr()?)
    }

    /// Tells whoever asks what the server waits for.
    pub(super) fn waits_because(&self, why: &'static str) {
        self.why.send_replace(why);
    }

    /// What a server with its book answers on.
    pub(super) fn done(self) -> TcpListener {
        self.listener
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CliError> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        match quipu_api::listen(address).await {
            Ok(listener) => return Ok(listener),
            Err(ServerError::Bind { source, .. })
                if source.kind() == ErrorKind::AddrInUse && tries > 0 =>
            {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error @ ServerError::NotLoopback(_)) => {
                return Err(CliError::Malformed {
                    what: error.to_string(),
                    hint: "name a loopback address with --listen, such as 127.0.0.1:7171".into(),
                });
            }
            Err(error) => {
                return Err(CliError::Unavailable {
                    what: error.to_string(),
                    hint: "choose another address with --listen; port 0 takes a free one".into(),
                });
            }
        }
    }
}

/// Answers until the book is open, or the server gives it up.
async fn answer(listener: TcpListener, why: watch::Receiver<&'static str>) {
    let mut waiting = why.clone();
    let opened = async move { while waiting.changed().await.is_ok() {} };
    let mut opened = std::pin::pin!(opened);
    tokio::select! {
        () = &mut opened => return,
        () = tokio::time::sleep(SHORT) => {}
    }
    quipu_api::serve(listener, quipu_api::opening_router(why), ServerOptions::default(), opened)
        .await;
}
