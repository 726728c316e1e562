//! The accept loop.
//!
//! Hyper is driven directly, because a server needs what a plain `axum::serve` lacks: a limit on
//! how long a connection may be silent or its header may take, and on how many there are. On
//! shutdown no connection is accepted any more, requests under way are answered, and what is
//! still open after a while is closed.

mod patient;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::Service;

use patient::{Patience, Patient};

/// Why the server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Whoever reaches the address may do everything, so it must not be reachable from outside.
    #[error(
        "refusing to listen on {0}: access control has not landed yet, so only a loopback address \
         such as 127.0.0.1 is served; put an authenticating proxy in front to reach it from outside"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// How patient the server is.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    /// How long the header of a request may take, the first byte of a connection included.
    pub header_timeout: Duration,
    /// How long a connection may be idle between requests.
    pub idle_timeout: Duration,
    /// How long a caller may take to read what is sent to it.
    pub write_timeout: Duration,
    /// How long requests under way are waited for on shutdown.
    pub drain_timeout: Duration,
    /// Connections at a time; further ones wait to be accepted.
    pub most_connections: usize,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            most_connections: 10_000,
        }
    }
}

/// Told to every request: becomes true when the server shuts down, so that streams without an
/// end can end.
#[derive(Clone)]
pub(crate) struct Closing(pub(crate) watch::Receiver<bool>);

/// Listens on a loopback address, and refuses any other.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    if !address.ip().is_loopback() {
        return Err(ServerError::NotLoopback(address));
    }
    TcpListener::bind(address).await.map_err(|source| ServerError::Bind { address, source })
}

/// Serves until `shutdown` is done, then finishes what is under way.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let graceful = GracefulShutdown::new();
    let (closing_sender, closing) = watch::channel(false);
    let slots = Arc::new(Semaphore::new(options.most_connections));
    loop {
        let (stream, slot) = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut shutdown => break,
        };
        let closing = Closing(closing.clone());
        let connection = connection(stream, router.clone(), closing, &options);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(slot);
        });
    }
    drop(listener);
    closing_sender.send_replace(true);
    if tokio::time::timeout(options.drain_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still under way when the server stopped");
    }
}

/// The next connection, once there is room for it. Errors of accepting (no file descriptors
/// left, a caller already gone) pass; they must not end the server.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    let slot =
        Arc::clone(slots).acquire_owned().await.expect("the semaphore of slots is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _peer)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY not set");
                }
                return (stream, slot);
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn connection(
    stream: TcpStream,
    router: Router,
    closing: Closing,
    options: &ServerOptions,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + 'static {
    let patience = Arc::new(Patience::default());
    let io = Patient::new(stream, Arc::clone(&patience), options);
    let service = service_fn(move |mut request: Request<Incoming>| {
        let patience = Arc::clone(&patience);
        request.extensions_mut().insert(closing.clone());
        patience.request_began();
        let answer = router.clone().call(request);
        async move {
            let answer = answer.await;
            patience.request_answered();
            answer
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.idle_timeout)
        .serve_connection(TokioIo::new(io), service)
}
