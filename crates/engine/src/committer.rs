//! The committing thread: makes batches durable, answers their callers, and sees a journal that
//! went away through until it knows what became of the batch it was writing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use quipu_domain::{Label, Position, Recorded};
use quipu_journal::{
    AppendError, Appended, Head, Outcome, Recent, SealedSegment, Snapshot, Writer,
};
use tokio::sync::watch;

use crate::EngineError;
use crate::batch::{Answer, Batch};
use crate::engine::Status;
use crate::in_hand::InHand;

/// How long the first and the longest wait between two attempts to reach the journal are.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LONGEST: Duration = Duration::from_secs(1);

/// After so long without work it asks whether the lease is still there: who lost it unawares would
/// refuse commands by what the book was.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// What the deciding thread hands over.
pub(crate) enum Work {
    /// Make this durable and answer its callers.
    Commit(Batch),
    /// Save cache entries. They are derived: a failure costs time later, nothing else.
    Save { segments: Vec<Arc<SealedSegment>>, snapshots: Vec<Snapshot> },
}

/// What became of a batch.
pub(crate) enum Committed {
    /// It is durable.
    Durable(Vec<Arc<Recorded>>, Appended),
    /// A segment of the index is saved, and need not be kept in memory.
    Saved(Arc<SealedSegment>),
    /// The batch is not durable, and never will be: it is none that the journal takes.
    Refused,
    /// The thread ends, and says why.
    GaveUp(&'static str),
}

pub(crate) struct Committer {
    pub(crate) writer: Writer,
    pub(crate) work: Receiver<Work>,
    /// Segments of the index that are not saved yet, oldest first.
    pub(crate) unsaved: VecDeque<Arc<SealedSegment>>,
    pub(crate) outcomes: Sender<Committed>,
    pub(crate) head: watch::Sender<Head>,
    pub(crate) recent: Arc<Recent>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) in_hand: InHand,
    pub(crate) stopping: Arc<AtomicBool>,
}

impl Committer {
    /// Runs until the deciding thread hangs up, or another writer has taken the journal over.
    pub(crate) fn run(mut self) {
        let last = loop {
            let work = self.work.recv_timeout(CHECK_INTERVAL);
            self.in_hand.begin();
            let done = match work {
                Ok(Work::Commit(batch)) => self.commit(batch),
                Ok(Work::Save { segments, snapshots }) => self.save(segments, &snapshots),
                Err(RecvTimeoutError::Timeout) => self.check(),
                Err(RecvTimeoutError::Disconnected) => Err(Over(Status::Stopped)),
            };
            self.in_hand.end();
            if let Err(Over(status)) = done {
                break status;
            }
        };
        self.status.send_replace(last);
    }

    /// Makes a batch durable; of one without events it makes sure that nobody else has written. The
    /// deciding thread hears of it before the callers do: who repeats a command after its answer
    /// must not be told that it is still under way.
    fn commit(&mut self, batch: Batch) -> Result<(), Over> {
        let Batch { events, answers, snapshots } = batch;
        let started = Instant::now();
        let resolved = match self.writer.append(&events) {
            Ok(appended) => Resolved::Durable(appended),
            Err(error) => self.resolve(&events, error),
        };
        match resolved {
            Resolved::Durable(appended) => {
                if !events.is_empty() {
                    self.announce(&events, appended.head, started);
                }
                self.tell(Committed::Durable(events, appended))?;
                for answer in answers {
                    answer.give();
                }
                self.save_snapshots(&snapshots);
                Ok(())
            }
            Resolved::Refused => {
                self.tell(Committed::Refused)?;
                lose(answers, "the journal does not take an event beside it");
                Ok(())
            }
            Resolved::GaveUp(why, over) => {
                drop(self.outcomes.send(Committed::GaveUp(why)));
                lose(answers, why);
                Err(over)
            }
        }
    }

    /// Tells who follows the journal of what it has.
    fn announce(&self, events: &[Arc<Recorded>], head: Head, started: Instant) {
        metrics::histogram!("quipu_commit_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("quipu_commits_total").increment(1);
        metrics::counter!("quipu_events_total").increment(events.len() as u64);
        self.recent.push(events);
        self.head.send_replace(head);
    }

    /// Nothing waits to be written: is this still the writer?
    fn check(&mut self) -> Result<(), Over> {
        let nothing: &[Arc<Recorded>] = &[];
        let Err(error) = self.writer.append(nothing) else { return Ok(()) };
        match self.resolve(nothing, error) {
            Resolved::Durable(_) | Resolved::Refused => {
                self.ready();
                Ok(())
            }
            Resolved::GaveUp(why, over) => {
                drop(self.outcomes.send(Committed::GaveUp(why)));
                Err(over)
            }
        }
    }

    /// The deciding thread hears of it before anybody hears that the journal is within reach: a
    /// retry that comes at once must not be told that its command is still under way.
    fn tell(&self, outcome: Committed) -> Result<(), Over> {
        self.outcomes.send(outcome).map_err(hung_up)?;
        self.ready();
        Ok(())
    }

    fn ready(&self) {
        if *self.status.borrow() != Status::Ready {
            self.status.send_replace(Status::Ready);
        }
    }

    /// Finds out what became of a batch whose append failed, and appends it again as long as it
    /// is certain that it is not there (an ambiguous COMMIT is resolved by reading, not guessed).
    fn resolve(&mut self, events: &[Arc<Recorded>], error: AppendError) -> Resolved {
        tracing::error!(%error, events = events.len(), "the journal did not take a batch, or is away");
        let mut is_refused = error.is_final();
        let acknowledged = self.head.borrow().position;
        let mut why = error.to_string();
        let mut wait = RETRY_FIRST;
        loop {
            self.status.send_replace(Status::Unavailable { why: Label::of_any(&why) });
            match self.writer.recover() {
                Ok(Outcome::Committed(appended)) => return self.reached(appended),
                Ok(Outcome::NotCommitted) if is_refused => return Resolved::Refused,
                Ok(Outcome::NotCommitted) => match self.writer.append(events) {
                    Ok(appended) => return self.reached(appended),
                    Err(error) => {
                        is_refused = error.is_final();
                        why = error.to_string();
                    }
                },
                Ok(Outcome::Overtaken(head)) if head.position < acknowledged => {
                    why = lost_end(head.position, acknowledged);
                }
                Ok(Outcome::Overtaken(_)) => {
                    return Resolved::GaveUp(OVERTAKEN, Over(Status::Overtaken));
                }
                Err(error) => why = error.to_string(),
            }
            if self.stopping.load(Ordering::SeqCst) {
                return Resolved::GaveUp(OUT_OF_REACH, Over(Status::Stopped));
            }
            std::thread::sleep(wait);
            wait = (wait * 2).min(RETRY_LONGEST);
        }
    }

    fn reached(&self, appended: Appended) -> Resolved {
        tracing::info!(position = appended.head.position.0, "the journal is within reach again");
        Resolved::Durable(appended)
    }

    fn save(
        &mut self,
        segments: Vec<Arc<SealedSegment>>,
        snapshots: &[Snapshot],
    ) -> Result<(), Over> {
        self.unsaved.extend(segments);
        self.save_segments()?;
        self.save_snapshots(snapshots);
        Ok(())
    }

    /// Saves segments one after the other. One that fails stays, with those after it, until there
    /// is something to save again.
    fn save_segments(&mut self) -> Result<(), Over> {
        while let Some(segment) = self.unsaved.front() {
            if let Err(error) = self.writer.save_segment(segment) {
                tracing::warn!(%error, "a segment of the index was not saved");
                break;
            }
            let saved = self.unsaved.pop_front().expect("it is the one that was saved");
            self.outcomes.send(Committed::Saved(saved)).map_err(hung_up)?;
        }
        Ok(())
    }

    fn save_snapshots(&mut self, snapshots: &[Snapshot]) {
        if !snapshots.is_empty()
            && let Err(error) = self.writer.save_snapshots(snapshots)
        {
            tracing::warn!(%error, "snapshots were not saved");
        }
    }
}

/// What was acknowledged is not there: to go on would give its positions to other events.
fn lost_end(found: Position, acknowledged: Position) -> String {
    format!(
        "the journal ends with event {found}, and event {acknowledged} was acknowledged; bring \
         back what was lost, or start the server again to go on without it"
    )
}

/// Why what was decided is given up. What this process knows besides, of keys or of views, is as
/// old as the state that it was decided on: whoever goes on must begin anew.
const OVERTAKEN: &str = "another writer has taken the journal over";
const OUT_OF_REACH: &str = "the journal was out of reach when the engine stopped";

/// Tells callers that their batch will not be in the journal.
fn lose(answers: Vec<Answer>, why: &str) {
    for answer in answers {
        answer.fail(EngineError::Unavailable { why: Label::of_any(why) });
    }
}

/// The thread has nothing more to do, and this is the engine's last status.
struct Over(Status);

/// The deciding thread has ended.
fn hung_up<T>(_: T) -> Over {
    Over(Status::Stopped)
}

enum Resolved {
    Durable(Appended),
    Refused,
    GaveUp(&'static str, Over),
}
