//! Writes expiries on time (W12): asks now and then which wallets have something due, and has
//! the engine bring them up to date.
//!
//! Nothing depends on its being punctual: a lot past its expiry is unspendable at once (W3), and
//! a wallet is brought up to date before anything is decided on it.

use std::sync::Arc;
use std::time::Duration;

use quipu_domain::{TenantId, Timestamp};
use tokio::sync::watch;

use crate::{Clock, Engine, EngineError};

/// Knows which wallets have something due; a read model does.
pub trait DueSource: Send + Sync + 'static {
    /// Some of the tenants in whose wallets something falls due at `until` or before, at most
    /// `most`. May block.
    fn due(&self, until: Timestamp, most: usize) -> Result<Vec<TenantId>, String>;
}

/// The loop that writes expiries.
pub struct Scheduler {
    /// The engine that writes them.
    pub engine: Engine,
    /// Who knows what is due.
    pub source: Arc<dyn DueSource>,
    /// The engine's clock.
    pub clock: Arc<dyn Clock>,
    /// How long it waits when nothing more is due.
    pub interval: Duration,
}

/// Wallets that are asked for at once.
const WALLETS_AT_ONCE: usize = 500;

impl Scheduler {
    /// Runs until `stop` says so or its sender is gone, also in the middle of a round: while the
    /// journal is away, that would wait for it, and the journal's last attempt for the end.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let rounds = async {
            loop {
                if let Err(error) = self.run_once().await {
                    tracing::warn!(%error, "expiries could not be written; they follow later");
                }
                tokio::time::sleep(self.interval).await;
            }
        };
        tokio::select! {
            () = rounds => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Brings every wallet up to date in which something is due now.
    pub async fn run_once(&self) -> Result<(), EngineError> {
        let (source, now) = (Arc::clone(&self.source), self.clock.now());
        let due = tokio::task::spawn_blocking(move || source.due(now, WALLETS_AT_ONCE))
            .await
            .map_err(|_| EngineError::Stopped)?
            .map_err(|why| EngineError::Unavailable { why: crate::request::label(&why) })?;
        for tenant in due {
            match self.engine.catch_up(tenant).await {
                Ok(()) | Err(EngineError::Refused(_)) => {}
                // What is wrong with one wallet holds up no other.
                Err(error @ EngineError::Inconsistent(_)) => {
                    tracing::error!(%error, "what fell due in a wallet could not be written");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
