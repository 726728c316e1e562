//! The running parts, in the order in which they depend on each other.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use quipu_api::{DueWallets, Limits, ServerOptions, State};
use quipu_domain::subject::SubjectEvent;
use quipu_domain::{Event, Stream};
use quipu_engine::{Clock as _, Engine, Follower, Options, Scheduler, Status, SystemClock};
use quipu_journal::{Journal, Lease};
use quipu_proofs::{KeyFolder, Proofs};
use quipu_sealing::SubjectKeys;
use quipu_views::{Runner, RunnerOptions};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::Signing;
use super::cosigning::WitnessClient;
use super::lease::{LEASE_WAIT, take_lease};
use super::opening::Opening;
use super::publication::Publication;
use crate::book::{self, Book};
use crate::error::CliError;
use crate::signals::Signals;
use crate::subject_keys;

/// How often the scheduler looks for what has fallen due.
const DUE_INTERVAL: Duration = Duration::from_secs(1);
/// Events of one transaction of the views. With half as many, usage batches with their views were a
/// fifth slower, and their lag not much shorter (`quipu bench batch --seconds 15`).
const VIEWS_TRANSACTION_EVENTS: u64 = 131_072;
/// How far commands may run ahead of what the views have folded: what they record while a
/// transaction is written.
const MOST_EVENTS_AHEAD: u64 = 65_536;
/// How long a command waits for the views at most: as long as a transaction may take to be
/// written, and well below what a command may take as a whole.
const VIEWS_WAIT: Duration = Duration::from_secs(2);
/// Views that fold nothing for so long are not waited for.
const VIEWS_PATIENCE: Duration = Duration::from_secs(30);
/// A clock that is so far behind the book is wrong, and not another machine's that was a little ahead.
const SLOW_CLOCK_SECONDS: i64 = 5;
/// How often measured times are summed up, each of which takes memory until then.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Everything that runs.
pub(super) struct Parts {
    engine: Engine,
    runner: Runner,
    keys: SubjectKeys,
    state: State,
    /// Ends the tasks that run beside the server.
    stop: watch::Sender<bool>,
    scheduler: Scheduler,
    publication: Arc<Publication>,
    metrics: PrometheusHandle,
}

impl Parts {
    /// Takes the book and starts what keeps it. `None` when a signal came while it waited for
    /// another server to let the book go.
    pub(super) fn start(
        book: &Book,
        keys: SubjectKeys,
        backdating_days: u32,
        signing: &Signing,
        runtime: &Handle,
        signals: &Signals,
        opening: &Opening,
    ) -> Result<Option<Parts>, CliError> {
        let options = Options {
            lease: Lease::Wait(LEASE_WAIT),
            backdating_seconds: i64::from(backdating_days) * 86_400,
            recent: Arc::clone(&book.recent),
            follower: Some(Follower {
                position: book.views.subscribe_folded(),
                most_events_behind: MOST_EVENTS_AHEAD,
                longest_wait: VIEWS_WAIT,
                patience: VIEWS_PATIENCE,
            }),
            readers: Some(Journal::new(book.store())),
            ..Options::default()
        };
        let Some(engine) = take_lease(book, &options, signals, opening)? else { return Ok(None) };
        warn_of_slow_clock(&engine);
        book.refuse_another_history()?;
        subject_keys::claim(&keys, engine.journal())?;
        // Whoever had the lease has made keys until now.
        keys.read_again()?;
        runtime.block_on(destroy_erased(&engine, &keys))?;
        subject_keys::warn_of_missing(&keys, engine.journal())?;
        let proofs = book::open_proofs(&book.place, engine.journal().clone())?;
        let publication = publication(&engine, &proofs, signing, runtime)?;
        let runner = Runner::start(
            &book.views,
            RunnerOptions {
                transaction_events: VIEWS_TRANSACTION_EVENTS,
                ..RunnerOptions::default()
            },
        )?;
        let metrics =
            PrometheusBuilder::new().install_recorder().map_err(|error| CliError::Unusable {
                what: error.to_string(),
                hint: "start one server per process".into(),
            })?;
        let state = State::new(
            engine.clone(),
            book.views.clone(),
            proofs,
            keys.clone(),
            metrics.clone(),
            book.settings()?,
            Limits::default(),
        );
        let state = if publication.is_signing() { state } else { state.without_signing() };
        let scheduler = Scheduler {
            engine: engine.clone(),
            source: Arc::new(DueWallets(book.views.clone())),
            interval: DUE_INTERVAL,
        };
        let (stop, _) = watch::channel(false);
        Ok(Some(Parts { engine, runner, keys, state, stop, scheduler, publication, metrics }))
    }

    /// The same, answering under these host names, too.
    pub(super) fn allowing_hosts(self, names: Vec<String>) -> Parts {
        Parts { state: self.state.allowing_hosts(names), ..self }
    }

    /// Answers requests until `shutdown`, and then those under way. What a start does is done at a
    /// start alone: once another server has written, this one knows too little of the keys to go on.
    pub(super) async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), CliError> {
        let scheduler = tokio::spawn(self.scheduler.run(self.stop.subscribe()));
        let publishing = Arc::clone(&self.publication).run(self.stop.subscribe());
        let publishing = tokio::spawn(publishing);
        let claim = subject_keys::claim_with_first_event(self.keys.clone(), self.engine.clone());
        let claiming = tokio::spawn(claim);
        let waker = self.runner.waker();
        let mut head = self.engine.subscribe();
        let waking = tokio::spawn(async move {
            while head.changed().await.is_ok() {
                waker.wake();
            }
        });
        let upkeep = tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP_INTERVAL).await;
                self.metrics.run_upkeep();
            }
        });
        let router = quipu_api::router(self.state);
        let end = async {
            tokio::select! {
                () = shutdown => {}
                () = self.engine.overtaken() => {
                    tracing::error!("another server has taken the book over; this one ends");
                }
            }
        };
        quipu_api::serve(listener, router, ServerOptions::default(), end).await;
        self.stop.send_replace(true);
        if scheduler.await.is_err() {
            tracing::error!("the scheduler panicked");
        }
        if publishing.await.is_err() {
            tracing::error!("the publication of checkpoints panicked");
        }
        self.engine.shutdown().await;
        waking.abort();
        upkeep.abort();
        claiming.abort();
        let is_overtaken = self.engine.status() == Status::Overtaken;
        if !is_overtaken {
            tokio::task::block_in_place(|| finish(&self.publication, &self.keys, &self.engine));
        }
        // The runner's thread ends with the page in hand; the next start goes on from there.
        tokio::task::block_in_place(|| self.runner.stop());
        if is_overtaken { Err(overtaken()) } else { Ok(()) }
    }
}

/// What the last requests wrote is signed too, and marks the folder of keys.
fn finish(publication: &Publication, keys: &SubjectKeys, engine: &Engine) {
    publication.finish();
    if let Err(error) = subject_keys::claim(keys, engine.journal()) {
        tracing::error!(%error, "the folder of keys is not marked yet");
    }
}

fn overtaken() -> CliError {
    CliError::Unavailable {
        what: "another server has taken the book over".into(),
        hint: "start this one again: it waits until the other one ends".into(),
    }
}

fn publication(
    engine: &Engine,
    proofs: &Proofs,
    signing: &Signing,
    runtime: &Handle,
) -> Result<Arc<Publication>, CliError> {
    let keys = signing.keys.as_deref().map(KeyFolder::open).transpose()?;
    let witnesses = signing.witnesses.iter().cloned().map(WitnessClient::new).collect();
    let (proofs, name) = (proofs.clone(), &signing.origin);
    Ok(Arc::new(Publication::start(engine, proofs, keys, name, witnesses, runtime)?))
}

/// P4: what was recorded as erased is destroyed now, if a crash came between the two, or if an old
/// copy of the keys was put back.
async fn destroy_erased(engine: &Engine, keys: &SubjectKeys) -> Result<(), CliError> {
    let erasures = engine.stream(Stream::subjects()).await;
    let erasures = erasures.map_err(|error| CliError::Unavailable {
        what: format!("the register of erased subjects cannot be read: {error}"),
        hint: "try again; `quipu verify` tells whether the journal is whole".into(),
    })?;
    for recorded in erasures {
        if let Event::Subject(SubjectEvent::SubjectErased(erased)) = recorded.event {
            keys.destroy(&erased.subject, &erased.keys)?;
        }
    }
    Ok(())
}

/// M5: the book's time never goes back, so that nothing falls due until this machine's clock has
/// caught up.
fn warn_of_slow_clock(engine: &Engine) {
    let (clock, book) = (SystemClock.now(), engine.now());
    if clock.plus_seconds(SLOW_CLOCK_SECONDS) < book {
        tracing::warn!(
            %clock, %book,
            "this machine's clock is behind the last event: until it has caught up, all is recorded at \
             that event's time; set the clock"
        );
    }
}
