//! What every handler works with.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use quipu_domain::Timestamp;
use quipu_engine::{Clock as _, Engine, SystemClock};
use quipu_proofs::Proofs;
use quipu_sealing::SubjectKeys;
use quipu_views::Views;

use crate::edge::Hosts;
use crate::quota::Quotas;
use crate::subjects::NamedKeys;

/// Bounds on what one request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest body of a request, but for batches.
    pub body_bytes: usize,
    /// Largest body of a batch: of usage, or of commands.
    pub batch_body_bytes: usize,
    /// How much of a body that is too large is taken off the wire before it is refused.
    pub drained_body_bytes: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a command is waited for before its outcome is reported as unknown.
    pub command_timeout: Duration,
    /// How long a read with `at_least` waits for the view.
    pub view_timeout: Duration,
    /// Pause between the heartbeats of an event stream.
    pub heartbeat: Duration,
    /// Requests that one tenant may have under way.
    pub tenant_requests_under_way: usize,
    /// Batches that all callers together may have under way: what they carry is in memory.
    pub batches_under_way: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 1_000_000,
            batch_body_bytes: 8_000_000,
            drained_body_bytes: 32_000_000,
            body_timeout: Duration::from_secs(30),
            command_timeout: Duration::from_secs(5),
            view_timeout: Duration::from_secs(5),
            heartbeat: Duration::from_secs(15),
            tenant_requests_under_way: 2_048,
            batches_under_way: 256,
        }
    }
}

/// What every handler works with. A clone is one more owner of the same parts: every request makes
/// several.
#[derive(Clone)]
pub struct State(Arc<Parts>);

/// What a [`State`] is made of.
#[derive(Clone)]
pub struct Parts {
    pub(crate) engine: Engine,
    pub(crate) views: Views,
    pub(crate) keys: SubjectKeys,
    pub(crate) named_keys: NamedKeys,
    /// Held by who closes a period.
    pub(crate) closing: Arc<tokio::sync::Mutex<()>>,
    pub(crate) proofs: Proofs,
    /// Whether checkpoints are signed, so that it makes sense to wait for one.
    pub(crate) is_signing: bool,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) store_settings: Vec<(String, String)>,
    pub(crate) started_at: Timestamp,
    pub(crate) limits: Limits,
    pub(crate) quotas: Quotas,
    pub(crate) hosts: Hosts,
}

impl State {
    /// The parts, once they run. `store_settings` is what the store says about its durability;
    /// `/readyz` shows it.
    #[must_use]
    pub fn new(
        engine: Engine,
        views: Views,
        proofs: Proofs,
        keys: SubjectKeys,
        metrics: PrometheusHandle,
        store_settings: Vec<(String, String)>,
        limits: Limits,
    ) -> State {
        State(Arc::new(Parts {
            engine,
            views,
            keys,
            named_keys: NamedKeys::default(),
            closing: Arc::default(),
            proofs,
            is_signing: true,
            metrics,
            store_settings,
            started_at: now(),
            limits,
            quotas: Quotas::new(&limits),
            hosts: Hosts::default(),
        }))
    }

    /// The same, where no key signs checkpoints: whoever waits for one is told so.
    #[must_use]
    pub fn without_signing(self) -> State {
        State(Arc::new(Parts { is_signing: false, ..Arc::unwrap_or_clone(self.0) }))
    }

    /// The same, answering under these host names, too, and not only under those of loopback.
    #[must_use]
    pub fn allowing_hosts(self, names: Vec<String>) -> State {
        let hosts = Hosts::allowing(names);
        State(Arc::new(Parts { hosts, ..Arc::unwrap_or_clone(self.0) }))
    }
}

impl Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The present by the machine's clock, for what is not in the book; that has its own (`Engine::now`).
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}
