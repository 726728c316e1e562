//! The engine's handle: what everybody else holds.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};
use quipu_domain::{Label, Recorded, Stream, TenantId, Timestamp};
use quipu_journal::{Head, Journal, JournalError, KeyWindow, Lease, Recent, Store, Writer};
use tokio::sync::{oneshot, watch};

use crate::batch::Caller;
use crate::committer::Committer;
use crate::decider::{Decider, Task};
use crate::in_hand::{InHand, unanswered};
use crate::pace::{Follower, Pace};
use crate::past::Past;
use crate::queue::{Asking, queue};
use crate::turns::Turns;
use crate::{
    Append, Clock, EngineError, Ids, Receipt, Request, SystemClock, UsageBatch, UsageOutcome,
};

/// How an engine runs.
#[derive(Clone)]
pub struct Options {
    /// What it does when another writer holds the journal.
    pub lease: Lease,
    /// For how long keys of commands and ids of usage are known (U1).
    pub key_window: KeyWindow,
    /// How far back usage and debits may be dated, in seconds (M5).
    pub backdating_seconds: i64,
    /// Commands that are decided and written at a time. Tenants take turns, and share them evenly.
    pub commands_at_a_time: usize,
    /// Commands that may wait for their turn; more are refused as `Overloaded`.
    pub queue_capacity: usize,
    /// States of each kind that stay in memory.
    pub states_in_memory: NonZeroUsize,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where event ids come from.
    pub ids: Ids,
    /// Where a follower finds the newest events without reading the journal.
    pub recent: Arc<Recent>,
    /// Whom commands must not outpace.
    pub follower: Option<Follower>,
    /// The journal as others read it, so that no command waits for what they read; where there is
    /// none, they read it as the engine does.
    pub readers: Option<Journal>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            lease: Lease::Wait(Duration::from_secs(10)),
            key_window: KeyWindow::default(),
            backdating_seconds: 10 * 366 * 86_400,
            commands_at_a_time: 128,
            queue_capacity: 8_192,
            states_in_memory: NonZeroUsize::new(100_000).expect("it is not zero"),
            clock: Arc::new(SystemClock),
            ids: Ids::random(),
            // Nobody follows.
            recent: Arc::new(Recent::of(0)),
            follower: None,
            readers: None,
        }
    }
}

/// Whether the journal can be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Ready,
    /// Not now.
    Unavailable {
        /// What is wrong.
        why: Label,
    },
    /// The engine has been shut down.
    Stopped,
    /// The engine has ended, because another writer has taken the journal over. Whatever is known
    /// beside it is out of date, too: drop both, and start again where that is wanted.
    Overtaken,
}

/// The single writer of a journal. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    turns: Turns,
    pace: Pace,
    tasks: Asking,
    journal: Journal,
    head: watch::Receiver<Head>,
    status: watch::Receiver<Status>,
    /// What the two threads are at.
    in_hand: [InHand; 2],
    stopping: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// Takes the lease, reads the journal's end and starts the two threads. Blocks meanwhile.
    pub fn start(store: Arc<dyn Store>, options: Options) -> Result<Engine, JournalError> {
        let (writer, index) = Writer::open(Arc::clone(&store), options.lease, options.key_window)?;
        let head = writer.head();
        let journal = Journal::new(Arc::clone(&store));
        let (asking, tasks) = queue(options.queue_capacity);
        let (work_sender, work) = bounded(2);
        // Unbounded, so that the two threads never wait for each other; each outcome answers to
        // one piece of work, and work is bounded.
        let (outcome_sender, outcomes) = unbounded();
        let (head_sender, head_receiver) = watch::channel(head);
        let (status_sender, status_receiver) = watch::channel(Status::Ready);
        let stopping = Arc::new(AtomicBool::new(false));
        let committer = Committer {
            writer,
            work,
            unsaved: VecDeque::new(),
            outcomes: outcome_sender,
            head: head_sender,
            recent: Arc::clone(&options.recent),
            status: status_sender,
            in_hand: InHand::default(),
            stopping: Arc::clone(&stopping),
        };
        let decider = Decider::new(
            tasks,
            work_sender,
            outcomes,
            status_receiver.clone(),
            Past { journal: journal.clone(), store, index },
            &head,
            &options,
        );
        let in_hand = [committer.in_hand.clone(), decider.in_hand.clone()];
        let threads = vec![
            spawn("quipu-commit", move || committer.run()),
            spawn("quipu-decide", move || decider.run()),
        ];
        Ok(Engine(Arc::new(Shared {
            clock: Arc::clone(&options.clock),
            turns: Turns::new(options.commands_at_a_time, options.queue_capacity),
            pace: Pace::new(options.follower, head_receiver.clone()),
            tasks: asking,
            journal: options.readers.unwrap_or(journal),
            head: head_receiver,
            status: status_receiver,
            in_hand,
            stopping,
            threads: Mutex::new(threads),
        })))
    }

    /// Has a command decided and, if it is accepted, made durable.
    pub async fn execute(&self, request: Request) -> Result<Receipt, EngineError> {
        let tenant = request.command.tenant().cloned();
        self.ask_in_turn(tenant.as_ref(), |caller| Task::Command(Box::new(request), caller)).await
    }

    /// Has commands decided together, one after the other (J7): an outcome for each, in order. What
    /// concerns one of them is its outcome; anything else ends the whole, and it is not known then
    /// which of them took effect.
    pub async fn execute_all(
        &self,
        requests: Vec<Request>,
    ) -> Result<Vec<Result<Receipt, EngineError>>, EngineError> {
        // They take the turn of the first one's tenant.
        let tenant = requests.first().and_then(|request| request.command.tenant()).cloned();
        self.ask_in_turn(tenant.as_ref(), |caller| Task::Commands(requests, caller)).await
    }

    /// Records usage: an outcome per record, in order.
    pub async fn record_usage(&self, batch: UsageBatch) -> Result<Vec<UsageOutcome>, EngineError> {
        // A batch takes the turn of its first record's tenant.
        let tenant = batch.records.first().map(|report| report.tenant.clone());
        self.ask_in_turn(tenant.as_ref(), |caller| Task::Usage(batch, caller)).await
    }

    /// Appends events of an application's own aggregate. Those of one caller arrive in the order in
    /// which they are first polled, which an import relies on: so they take no turns.
    pub async fn append(&self, append: Append) -> Result<Vec<Arc<Recorded>>, EngineError> {
        self.ask(|caller| Task::Append(append, caller)).await
    }

    /// Writes what has fallen due in a wallet: expiries of lots and holds, repaid overdraft.
    pub async fn catch_up(&self, tenant: TenantId) -> Result<(), EngineError> {
        self.ask_in_turn(Some(&tenant.clone()), |caller| Task::CatchUp(tenant, caller)).await
    }

    /// Whether a tenant was ever created, and that is durable.
    pub async fn has_tenant(&self, tenant: &TenantId) -> Result<bool, EngineError> {
        self.ask(|caller| Task::HasTenant(tenant.clone(), caller)).await
    }

    /// The durable events of one stream, in order. Reads the journal: call it where blocking is
    /// allowed to take a moment.
    pub async fn stream(&self, stream: Stream) -> Result<Vec<Recorded>, EngineError> {
        let positions = self.ask(|caller| Task::Positions(stream, caller)).await?;
        let journal = self.0.journal.clone();
        tokio::task::spawn_blocking(move || journal.events_at(&positions))
            .await
            .map_err(|_| EngineError::Stopped)?
            .map_err(crate::past::unavailable)
    }

    /// Moves with every commit: the last durable position.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Head> {
        self.0.head.clone()
    }

    /// The present by the clock that dates events: never before the last of them, whatever the
    /// machine's says (M5).
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now().max(self.0.head.borrow().recorded_at)
    }

    /// The journal, for reading.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Whether the journal can be written to now.
    #[must_use]
    pub fn status(&self) -> Status {
        let status = self.0.status.borrow().clone();
        match unanswered(&self.0.in_hand) {
            Some(why) if status == Status::Ready => Status::Unavailable { why },
            _ => status,
        }
    }

    /// Done once another writer has taken the journal over; waits for ever where none does.
    pub async fn overtaken(&self) {
        let mut status = self.0.status.clone();
        if status.wait_for(|status| *status == Status::Overtaken).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes no more commands, makes what was decided durable, saves caches and gives the lease
    /// back. Waits until that is done.
    pub async fn shutdown(&self) {
        let shared = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            shared.stopping.store(true, Ordering::SeqCst);
            // A full queue drains; a hung-up one has stopped already.
            shared.tasks.stop();
            let threads = std::mem::take(
                &mut *shared.threads.lock().expect("nobody panics while holding this lock"),
            );
            for thread in threads {
                if thread.join().is_err() {
                    tracing::error!("a thread of the engine panicked");
                }
            }
        });
        if done.await.is_err() {
            tracing::error!("the engine did not stop cleanly");
        }
    }

    async fn ask_in_turn<T>(
        &self,
        tenant: Option<&TenantId>,
        task: impl FnOnce(Caller<T>) -> Task,
    ) -> Result<T, EngineError> {
        let _turn = self.0.turns.take(tenant).await.inspect_err(count_overloaded)?;
        // With the turn: so the others wait as well, and too many are refused.
        self.0.pace.keep().await;
        self.ask(task).await
    }

    async fn ask<T>(&self, task: impl FnOnce(Caller<T>) -> Task) -> Result<T, EngineError> {
        if self.0.stopping.load(Ordering::SeqCst) {
            return Err(EngineError::Stopped);
        }
        if let Status::Unavailable { why } = &*self.0.status.borrow() {
            return Err(EngineError::Unavailable { why: why.clone() });
        }
        let (caller, answer) = oneshot::channel();
        self.0.tasks.put(task(caller)).inspect_err(count_overloaded)?;
        answer.await.map_err(|_| EngineError::Stopped)?
    }
}

fn count_overloaded(error: &EngineError) {
    if matches!(error, EngineError::Overloaded) {
        metrics::counter!("quipu_overloaded_total").increment(1);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .expect("a process that cannot start two threads cannot serve")
}
