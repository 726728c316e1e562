//! Writes expiries on time (W12): asks now and then which wallets have something due, and has
//! the engine bring them up to date.
//!
//! Nothing depends on its being punctual: a lot past its expiry is unspendable at once (W3), and
//! a wallet is brought up to date before anything is decided on it.

use std::sync::Arc;
use std::time::Duration;

use quipu_domain::{Label, TenantId, Timestamp};
use tokio::sync::watch;

use crate::{Engine, EngineError};

/// Knows which wallets have something due; a read model does.
pub trait DueSource: Send + Sync + 'static {
    /// The next tenants after one in whose wallets something falls due at `until` or before, in an
    /// order of the source's own; fewer than `most` only at the end. May block.
    fn due(
        &self,
        until: Timestamp,
        after: Option<&TenantId>,
        most: usize,
    ) -> Result<Vec<TenantId>, String>;
}

/// The loop that writes expiries.
pub struct Scheduler {
    /// The engine that writes them.
    pub engine: Engine,
    /// Who knows what is due.
    pub source: Arc<dyn DueSource>,
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

    /// Writes what is due now.
    pub async fn run_once(&self) -> Result<(), EngineError> {
        self.engine.write_due(&self.source).await
    }
}

impl Engine {
    /// Brings every wallet up to date in which something is due by the book's time (M5). One in
    /// which nothing is left to do, or nothing can be done, holds up no other.
    pub async fn write_due(&self, source: &Arc<dyn DueSource>) -> Result<(), EngineError> {
        let (now, mut after) = (self.now(), None);
        loop {
            let due = due(source, now, after).await?;
            for tenant in &due {
                self.write_due_of(tenant).await?;
            }
            match due.last() {
                Some(last) if due.len() >= WALLETS_AT_ONCE => after = Some(last.clone()),
                _ => return Ok(()),
            }
        }
    }

    async fn write_due_of(&self, tenant: &TenantId) -> Result<(), EngineError> {
        match self.catch_up(tenant.clone()).await {
            Ok(()) | Err(EngineError::Refused(_)) => Ok(()),
            Err(error @ EngineError::Inconsistent(_)) => {
                tracing::error!(%error, "what fell due in a wallet could not be written");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

async fn due(
    source: &Arc<dyn DueSource>,
    now: Timestamp,
    after: Option<TenantId>,
) -> Result<Vec<TenantId>, EngineError> {
    let source = Arc::clone(source);
    let due = move || source.due(now, after.as_ref(), WALLETS_AT_ONCE);
    tokio::task::spawn_blocking(due)
        .await
        .map_err(|_| EngineError::Stopped)?
        .map_err(|why| EngineError::Unavailable { why: Label::of_any(&why) })
}
