//! The thread that keeps the views up to date.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quipu_domain::Position;

use crate::session::{Session, Step};
use crate::{Views, ViewsError};

/// How the views are kept up to date.
#[derive(Clone, Debug)]
pub struct RunnerOptions {
    /// Events that are read at once.
    pub page_events: usize,
    /// Most events in one transaction. It takes what was folded while the one before was saved: the
    /// more there are, the more changes of a row become one.
    pub transaction_events: u64,
    /// Changed rows after which a transaction ends early: they wait in memory.
    pub transaction_rows: usize,
    /// Most rows of each table that stay in memory from one transaction to the next.
    pub cache_rows: usize,
    /// After so many events in a transaction it is worth while to gather more for the next one.
    pub gather_from_events: u64,
    /// For how long they are gathered at least, but not while somebody waits for the views.
    pub gather: Duration,
    /// They are gathered longer the longer the last transaction took, up to this.
    pub gather_longest: Duration,
    /// How long to wait for a wake-up before looking by oneself.
    pub poll: Duration,
    /// The first pause after a failure; it doubles up to `longest_pause`.
    pub first_pause: Duration,
    /// The longest pause between two tries.
    pub longest_pause: Duration,
}

/// The views rest for so many times as long as they worked: so they take a fifth of a processor,
/// until the longest rest is too short for that. Transactions of small commands by many wallets
/// hardly have a row in common, and one in 50 ms wrote the same pages over and over. Resting so,
/// `quipu bench spread` did a fifth more on SQLite and a seventh more on PostgreSQL.
const RESTS_PER_WORK: u32 = 4;

impl Default for RunnerOptions {
    fn default() -> RunnerOptions {
        RunnerOptions {
            page_events: 16_384,
            transaction_events: 262_144,
            transaction_rows: 131_072,
            cache_rows: 131_072,
            gather_from_events: 16,
            gather: Duration::from_millis(50),
            gather_longest: Duration::from_millis(250),
            poll: Duration::from_secs(1),
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(2),
        }
    }
}

impl RunnerOptions {
    /// Where a transaction ends that begins after one position and has another one before it.
    pub(crate) fn transaction_end(&self, after: Position, head: Position) -> Position {
        head.min(after.plus(self.transaction_events))
    }
}

/// The thread that keeps the views up to date, until it is stopped or dropped. It never skips an
/// event: while the database is away, it waits and tries again.
pub struct Runner {
    views: Views,
    waker: Waker,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Tells the runner that there are new events.
#[derive(Clone)]
pub struct Waker(SyncSender<()>);

impl Waker {
    /// Returns at once; many calls while the runner is busy count as one.
    pub fn wake(&self) {
        // A full channel holds a wake-up already; a closed one has nobody to wake.
        let _ = self.0.try_send(());
    }
}

impl Runner {
    /// Starts the thread.
    pub fn start(views: &Views, options: RunnerOptions) -> std::io::Result<Runner> {
        let (sender, wakeups) = sync_channel(1);
        let stopping = Arc::new(AtomicBool::new(false));
        let pause = options.first_pause;
        let work = Work { views: views.clone(), options, wakeups, pause, stopping };
        let stopping = Arc::clone(&work.stopping);
        let thread = std::thread::Builder::new().name("views".into()).spawn(|| work.run())?;
        Ok(Runner { views: views.clone(), waker: Waker(sender), stopping, thread: Some(thread) })
    }

    /// What wakes it.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Lets the page in hand finish and ends the thread.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        self.waker.wake();
        self.views.hurry();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the views' thread panicked");
        }
    }
}

impl Views {
    /// Applies everything that the journal has by now, on the caller's thread, and says how far
    /// that is. Rows of an older version are built anew first.
    pub fn catch_up(&self, options: &RunnerOptions) -> Result<Position, ViewsError> {
        loop {
            let mut session = Session::begin(self, options, || false)?;
            match session.reach(Position::LAST) {
                Ok(()) => return Ok(session.position()),
                Err(ViewsError::RefusedRows(refused)) => self.park_refused(refused, options)?,
                Err(other) => return Err(other),
            }
        }
    }
}

struct Work {
    views: Views,
    options: RunnerOptions,
    wakeups: Receiver<()>,
    pause: Duration,
    stopping: Arc<AtomicBool>,
}

impl Drop for Work {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.views.announce_standstill(Some("the views' thread panicked".to_owned()));
        }
    }
}

impl Work {
    fn run(mut self) {
        while !self.is_stopping() {
            let Err(error) = self.run_session() else { return };
            if matches!(error, ViewsError::CheckpointMoved) {
                tracing::info!("rows were rebuilt, retried or parked; taking up from there");
                continue;
            }
            let pause = self.pause;
            if pause > self.options.first_pause {
                self.views.announce_standstill(Some(error.to_string()));
            }
            tracing::warn!(%error, ?pause, "the views could not be brought up to date; trying again");
            self.pause = (pause * 2).min(self.options.longest_pause);
            self.wait_out(pause);
        }
    }

    fn run_session(&mut self) -> Result<(), ViewsError> {
        let views = self.views.clone();
        let options = self.options.clone();
        let stopping = Arc::clone(&self.stopping);
        let is_stopping = move || stopping.load(Ordering::Acquire);
        let mut session = Session::begin(&views, &options, is_stopping)?;
        match self.follow(&mut session) {
            Err(ViewsError::RefusedRows(refused)) => {
                drop(session);
                views.park_refused(refused, &options)?;
                Err(ViewsError::CheckpointMoved)
            }
            outcome => outcome,
        }
    }

    /// Applies pages until it is told to stop, or something fails.
    fn follow(&mut self, session: &mut Session<'_>) -> Result<(), ViewsError> {
        let mut began = Instant::now();
        while !self.is_stopping() {
            let caught = session.catch_up()?;
            // What is being saved may fail yet.
            if caught != Step::Saving {
                self.pause = self.options.first_pause;
                self.views.announce_standstill(None);
            }
            match caught {
                Step::Saving => continue,
                Step::Nothing => self.wait(self.options.poll),
                Step::Saved(events) if events >= self.options.gather_from_events => {
                    let rest = began.elapsed().saturating_mul(RESTS_PER_WORK);
                    let rest = rest.min(self.options.gather_longest).max(self.options.gather);
                    session.gather(rest, &self.stopping)?;
                }
                Step::Saved(_) => {}
            }
            began = Instant::now();
        }
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Waits, whoever wakes it: that there are new events does not mend what failed.
    fn wait_out(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.is_stopping()
            && let Some(left) = end.checked_duration_since(Instant::now())
        {
            self.wait(left);
        }
    }

    fn wait(&self, most: Duration) {
        match self.wakeups.recv_timeout(most) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stopping.store(true, Ordering::Release),
        }
    }
}
