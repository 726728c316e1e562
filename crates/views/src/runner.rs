//! The thread that keeps the views up to date.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quipu_database::Connection;
use quipu_domain::{Position, Timestamp};
use quipu_projections::Projection;

use crate::applier::Applier;
use crate::read_ahead::each_page;
use crate::{Progress, Views, ViewsError, checkpoints, skips};

/// How the views are kept up to date.
#[derive(Clone, Debug)]
pub struct RunnerOptions {
    /// Events that are read at once.
    pub page_events: usize,
    /// Most events in one transaction. It takes what has accumulated while the one before ran, and
    /// goes on while pages of events come as it runs: the more there are, the more changes of a row
    /// become one.
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
            longest_pause: Duration::from_secs(5),
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
        let mut session = Session::begin(self, options, || false)?;
        while session.catch_up()? > 0 {}
        Ok(session.applier.position())
    }
}

struct Work {
    views: Views,
    options: RunnerOptions,
    wakeups: Receiver<()>,
    pause: Duration,
    stopping: Arc<AtomicBool>,
}

impl Work {
    fn run(mut self) {
        while !self.is_stopping() {
            let Err(error) = self.run_session() else { return };
            if matches!(error, ViewsError::CheckpointMoved) {
                tracing::info!("rows were rebuilt or retried; taking up from there");
                continue;
            }
            let pause = self.pause;
            tracing::warn!(%error, ?pause, "the views could not be brought up to date; trying again");
            self.pause = (pause * 2).min(self.options.longest_pause);
            self.wait(pause);
        }
    }

    /// Applies pages until it is told to stop, or something fails.
    fn run_session(&mut self) -> Result<(), ViewsError> {
        let views = self.views.clone();
        let options = self.options.clone();
        let stopping = Arc::clone(&self.stopping);
        let is_stopping = move || stopping.load(Ordering::Acquire);
        let mut session = Session::begin(&views, &options, is_stopping)?;
        while !self.is_stopping() {
            let began = Instant::now();
            let events = session.catch_up()?;
            self.pause = options.first_pause;
            if events == 0 {
                self.wait(options.poll);
            } else if events >= options.gather_from_events {
                let rest = began.elapsed().saturating_mul(RESTS_PER_WORK);
                let rest = rest.min(options.gather_longest).max(options.gather);
                views.wait_for_haste(rest, &self.stopping);
            }
        }
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn wait(&self, most: Duration) {
        match self.wakeups.recv_timeout(most) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stopping.store(true, Ordering::Release),
        }
    }
}

/// One connection's worth of work: it ends with the first error.
struct Session<'a> {
    views: &'a Views,
    options: &'a RunnerOptions,
    connection: Connection,
    applier: Applier,
}

impl<'a> Session<'a> {
    fn begin(
        views: &'a Views,
        options: &'a RunnerOptions,
        is_stopping: impl Fn() -> bool,
    ) -> Result<Session<'a>, ViewsError> {
        let mut connection = views.writer()?;
        let outdated = outdated(&mut connection)?;
        if !outdated.is_empty() {
            views.rebuild_these(&outdated, &mut |progress| {
                report_rebuild(&outdated, progress);
                if is_stopping() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        let projections = quipu_projections::all();
        let skips = skips::read(&mut connection)?;
        let applier = Applier::load(&mut connection, projections, &skips, options.cache_rows, 1)?;
        views.announce_folded(applier.position());
        views.announce(applier.position());
        Ok(Session { views, options, connection, applier })
    }

    /// Applies what the journal has by now, and what it gets meanwhile, as far as one transaction
    /// goes, and says how many events that were.
    fn catch_up(&mut self) -> Result<u64, ViewsError> {
        let Session { views, options, connection, applier } = self;
        let feed = views.feed();
        let begin = applier.position();
        let mut until = options.transaction_end(begin, feed.head()?);
        let mut recorded_at = None;
        loop {
            each_page(feed, applier.position(), until, options.page_events, |events| {
                applier.fold(connection, feed, events)?;
                views.announce_folded(applier.position());
                recorded_at = events.last().map(|event| event.recorded_at);
                if applier.changed_rows() > options.transaction_rows {
                    applier.save(connection)?;
                }
                Ok(())
            })?;
            let folded =
                std::mem::replace(&mut until, options.transaction_end(begin, feed.head()?));
            // Under load, what was recorded meanwhile belongs in it as well.
            if until.0.saturating_sub(folded.0) < options.page_events as u64 {
                break;
            }
        }
        let Some(recorded_at) = recorded_at else { return Ok(0) };
        applier.save(connection)?;
        self.views.announce(self.applier.position());
        self.report(begin, recorded_at)?;
        Ok(self.applier.position().0 - begin.0)
    }

    /// Tells how far the views are behind. `recorded_at` is the last event's in them.
    fn report(&self, begin: Position, recorded_at: Timestamp) -> Result<(), ViewsError> {
        let position = self.applier.position();
        let lag = self.views.feed().head()?.0.saturating_sub(position.0);
        let behind = if lag == 0 { Duration::ZERO } else { age(recorded_at) };
        metrics::gauge!("quipu_views_lag_events").set(lag as f64);
        metrics::gauge!("quipu_views_lag_seconds").set(behind.as_secs_f64());
        metrics::counter!("quipu_views_applied_events_total").increment(position.0 - begin.0);
        for (projection, parked, skipped) in self.applier.stopped() {
            metrics::gauge!("quipu_views_parked_partitions", "projection" => projection)
                .set(parked as f64);
            metrics::gauge!("quipu_views_skipped_events", "projection" => projection)
                .set(skipped as f64);
        }
        Ok(())
    }
}

/// How long ago something was.
fn age(time: Timestamp) -> Duration {
    let micros = checkpoints::now().micros().saturating_sub(time.micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Projections whose rows another version built, and new ones beside those that have rows.
fn outdated(connection: &mut Connection) -> Result<Vec<&'static dyn Projection>, ViewsError> {
    let checkpoints = checkpoints::read(connection)?;
    let any_rows = checkpoints.values().any(|checkpoint| checkpoint.position > Position::ZERO);
    let is_outdated =
        |projection: &&'static dyn Projection| match checkpoints.get(projection.name()) {
            Some(checkpoint) => checkpoint.version != projection.version(),
            None => any_rows,
        };
    Ok(quipu_projections::all().iter().copied().filter(is_outdated).collect())
}

fn report_rebuild(projections: &[&'static dyn Projection], progress: Progress) {
    let done = progress.position.0.saturating_mul(100) / progress.head.0.max(1);
    for projection in projections {
        metrics::gauge!("quipu_views_rebuild_percent", "projection" => projection.name())
            .set(done as f64);
    }
}
