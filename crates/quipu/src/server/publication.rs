//! Publishes a checkpoint every second in which something became durable, has witnesses cosign it,
//! and keeps proofs quick.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quipu_domain::epoch::{EpochCommand, EpochEvent, EpochStarted, NewEpoch};
use quipu_domain::{Event, Metadata, Stream};
use quipu_engine::{Clock as _, Command, Engine, EngineError, Request, SystemClock};
use quipu_journal::Head;
use quipu_proofs::{KeyFolder, LogName, ProofError, Proofs, Publisher, find_loss};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::cosigning::WitnessClient;
use crate::error::CliError;

const INTERVAL: Duration = Duration::from_secs(1);

/// Events whose hashes are made ready for proofs at a time: some 5 % of a core, so that a book that
/// is written to at full speed is not slowed down. Proofs of what is not ready yet take longer.
const EVENTS_PER_INTERVAL: usize = 20_000;

/// What runs beside the server.
pub(super) struct Publication {
    proofs: Proofs,
    /// Absent where there is no folder for keys.
    publisher: Option<Publisher>,
    witnesses: Vec<WitnessClient>,
    head: watch::Receiver<Head>,
    /// The last complaint, which is not repeated every second.
    complaint: Mutex<String>,
}

impl Publication {
    /// Sees to it that there is a key, and that the book reaches what was signed last. Where it
    /// does not, a new epoch begins before anything else is written (J6).
    pub(super) fn start(
        engine: &Engine,
        proofs: Proofs,
        keys: Option<KeyFolder>,
        name: &LogName,
        witnesses: Vec<WitnessClient>,
        runtime: &Handle,
    ) -> Result<Publication, CliError> {
        let publisher = match keys {
            Some(keys) => Some(publisher(engine, &proofs, keys, name, runtime)?),
            None if !witnesses.is_empty() => {
                return Err(CliError::Malformed {
                    what: "there is nothing for a witness to cosign: no key signs".into(),
                    hint: "name a folder for keys with --keys, outside the database's backup"
                        .into(),
                });
            }
            None => {
                tracing::warn!(
                    "no checkpoint is signed: name a folder for keys with --keys DIR, outside the \
                     database's backup"
                );
                None
            }
        };
        let (head, complaint) = (engine.subscribe(), Mutex::default());
        Ok(Publication { proofs, publisher, witnesses, head, complaint })
    }

    /// Whether there are keys to sign with.
    pub(super) const fn is_signing(&self) -> bool {
        self.publisher.is_some()
    }

    /// Runs until `stop` says so or its sender is gone.
    pub(super) async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let cosigning = Arc::clone(&self).every_second(stop.clone(), Publication::cosign);
        tokio::join!(Arc::clone(&self).every_second(stop, Publication::once), cosigning);
    }

    async fn every_second(self: Arc<Self>, mut stop: watch::Receiver<bool>, work: fn(&Self)) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stopping| *stopping) => return,
            }
            let publication = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || work(&publication)).await.is_err() {
                tracing::error!("the publication of checkpoints panicked");
                return;
            }
        }
    }

    /// Signs what is durable now, and has witnesses cosign it: for the end of a server.
    pub(super) fn finish(&self) {
        self.once();
        self.cosign();
    }

    fn once(&self) {
        let durable = *self.head.borrow();
        let published =
            self.publisher.as_ref().map_or(Ok(None), |p| p.publish(durable, SystemClock.now()));
        let done = published.and_then(|_| self.proofs.prepare(EVENTS_PER_INTERVAL));
        self.complain(done.err().map(|error| match error {
            ProofError::Unreachable { .. } => {
                format!(
                    "{error}: nothing more is signed. Events were lost, or a copy of the book was \
                     served with these keys; the next start of this server begins a new epoch"
                )
            }
            error => format!("no checkpoint is published now: {error}"),
        }));
    }

    fn cosign(&self) {
        let Some(publisher) = &self.publisher else { return };
        for witness in &self.witnesses {
            witness.cosign_newest(&self.proofs, publisher);
        }
    }

    fn complain(&self, what: Option<String>) {
        let what = what.unwrap_or_default();
        let mut last = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != what {
            if what.is_empty() {
                tracing::info!("checkpoints are published again");
            } else {
                tracing::error!("{what}");
            }
            *last = what;
        }
    }
}

fn publisher(
    engine: &Engine,
    proofs: &Proofs,
    keys: KeyFolder,
    name: &LogName,
    runtime: &Handle,
) -> Result<Publisher, CliError> {
    if keys.list()?.is_empty() {
        keys.generate(SystemClock.now())?;
        tracing::info!("made a key in {}; keep a copy apart from the book", keys.path().display());
    }
    let mut started = runtime.block_on(last_started(engine)).map_err(|error| epoch(&error))?;
    if let Some(loss) = find_loss(proofs, &keys, started.as_ref())? {
        tracing::warn!("{}: a new epoch begins, with a new key", loss.reason);
        // Whoever verifies needs a new line anyway, and what is no key any more signs nothing under
        // the old origin. First, because the event says that all of this was done.
        let at = SystemClock.now();
        keys.rotate(at, at)?;
        let new = NewEpoch {
            name: name.as_str().parse().expect("a log's name is a label"),
            reason: loss.reason.parse().expect("two numbers and words are a label"),
        };
        let metadata = Metadata::by("server".parse().expect("a word is a label"));
        let command = Command::Epoch(EpochCommand::Start(loss.last, new));
        let request = Request { command, metadata, also_bound_to: Vec::new() };
        let receipt = runtime.block_on(engine.execute(request));
        let receipt = receipt.map_err(|error| epoch(&error))?;
        started = receipt.events.iter().find_map(|recorded| started_by(&recorded.event));
    }
    if let Some(first_event) = engine.journal().first_event_hash()? {
        keys.claim(&first_event)?;
    }
    let number = started.as_ref().map_or(1, |started| started.epoch);
    let publisher = Publisher::new(proofs.clone(), keys, name, number);
    if !publisher.has_signed_newest()? {
        tracing::warn!(
            "no key of these has signed the newest checkpoint of {}: is --keys right? Whoever believes \
             the key that did believes nothing that is signed from now on",
            publisher.origin()
        );
    }
    for key in publisher.verifiers(SystemClock.now())? {
        tracing::info!("checkpoints are signed by {key}");
    }
    Ok(publisher)
}

async fn last_started(engine: &Engine) -> Result<Option<EpochStarted>, EngineError> {
    let events = engine.stream(Stream::epoch()).await?;
    Ok(events.iter().rev().find_map(|recorded| started_by(&recorded.event)))
}

fn started_by(event: &Event) -> Option<EpochStarted> {
    match event {
        Event::Epoch(EpochEvent::EpochStarted(started)) => Some(started.clone()),
        _ => None,
    }
}

fn epoch(error: &EngineError) -> CliError {
    CliError::Unavailable {
        what: format!("the epoch of the book is not known: {error}"),
        hint: "check that the store can be written to, and start again".into(),
    }
}
