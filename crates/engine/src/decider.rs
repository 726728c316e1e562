//! The deciding thread: takes commands in, has them decided on speculative state, and hands what
//! has come together to the committing thread whenever that is idle.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, never, select};
use quipu_domain::{Label, Moment, Position, Recorded, Stream, TenantId};
use quipu_journal::Head;
use tokio::sync::watch;

use crate::batch::{Answer, Caller, Outcomes};
use crate::committer::{Committed, Work};
use crate::draft::Draft;
use crate::engine::{Options, Status};
use crate::in_hand::InHand;
use crate::past::Past;
use crate::queue::Taking;
use crate::states::States;
use crate::{Append, Clock, EngineError, Receipt, Request, UsageBatch, UsageOutcome};

/// A batch that has grown so large is not added to: it would make its callers wait for each other.
const BATCH_EVENTS_MOST: usize = 8_192;

/// How many tasks that wait are looked at before they are taken.
const TASKS_AHEAD_MOST: usize = 256;

/// What the engine's handle asks for.
pub(crate) enum Task {
    Command(Box<Request>, Caller<Receipt>),
    Commands(Vec<Request>, Caller<Outcomes>),
    Usage(UsageBatch, Caller<Vec<UsageOutcome>>),
    Append(Append, Caller<Vec<Arc<Recorded>>>),
    CatchUp(TenantId, Caller<()>),
    HasTenant(TenantId, Caller<bool>),
    Positions(Stream, Caller<Vec<Position>>),
    Stop,
}

pub(crate) struct Decider {
    taking: Taking,
    /// Tasks that were looked at and not taken yet; they come before those in the channel.
    pub(crate) waiting: VecDeque<Task>,
    work: Sender<Work>,
    outcomes: Receiver<Committed>,
    status: watch::Receiver<Status>,
    pub(crate) in_hand: InHand,
    clock: Arc<dyn Clock>,
    backdating_seconds: i64,
    pub(crate) past: Past,
    pub(crate) states: States,
    pub(crate) draft: Draft,
    /// Last position that is known to be durable.
    pub(crate) durable: Position,
    /// Whether a batch is with the committing thread.
    flying: bool,
    stopping: bool,
}

impl Decider {
    pub(crate) fn new(
        taking: Taking,
        work: Sender<Work>,
        outcomes: Receiver<Committed>,
        status: watch::Receiver<Status>,
        past: Past,
        head: &Head,
        options: &Options,
    ) -> Decider {
        Decider {
            taking,
            waiting: VecDeque::new(),
            work,
            outcomes,
            status,
            in_hand: InHand::default(),
            clock: Arc::clone(&options.clock),
            backdating_seconds: options.backdating_seconds,
            past,
            states: States::new(options.states_in_memory),
            draft: Draft::after(head, options.ids),
            durable: head.position,
            flying: false,
            stopping: false,
        }
    }

    /// Runs until it is told to stop and everything decided is durable.
    pub(crate) fn run(mut self) {
        let nothing = never();
        while !(self.stopping && !self.flying && self.draft.batch.is_empty()) {
            let open = !self.stopping && !self.draft.batch.is_full(BATCH_EVENTS_MOST);
            if open && let Some(task) = self.waiting.pop_front() {
                self.take_all(task);
            } else {
                let tasks = if open { self.taking.tasks().clone() } else { nothing.clone() };
                select! {
                    recv(self.outcomes) -> outcome => match outcome {
                        Ok(outcome) => self.take_outcome(outcome),
                        Err(_) => return self.abandon("the committing thread has ended"),
                    },
                    recv(tasks) -> task => match task {
                        Ok(task) => self.take_all(task),
                        // All handles are gone: nobody can ask any more.
                        Err(_) => self.stopping = true,
                    },
                }
            }
            self.send_when_idle();
        }
        self.finish();
    }

    /// Takes a task and whatever else waits, as long as the batch may grow. It leaves as soon as
    /// the committing thread has become idle meanwhile.
    fn take_all(&mut self, first: Task) {
        let was_flying = self.flying;
        self.take(first);
        while !self.stopping
            && self.flying == was_flying
            && !self.draft.batch.is_full(BATCH_EVENTS_MOST)
            && let Some(task) = self.next_task()
        {
            self.take(task);
        }
    }

    /// Sees to it that the next tasks are known, without taking them.
    pub(crate) fn look_ahead(&mut self) {
        let more = TASKS_AHEAD_MOST.saturating_sub(self.waiting.len());
        self.waiting.extend(self.taking.tasks().try_iter().take(more));
    }

    fn next_task(&mut self) -> Option<Task> {
        self.waiting.pop_front().or_else(|| self.taking.tasks().try_recv().ok())
    }

    fn take(&mut self, task: Task) {
        self.in_hand.begin();
        self.take_in_hand(task);
        self.in_hand.end();
    }

    fn take_in_hand(&mut self, task: Task) {
        // Outcomes that are there already come first: this task may be the repetition of a
        // command that one of them answers.
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.take_outcome(outcome);
        }
        let out_of_reach = match &*self.status.borrow() {
            Status::Unavailable { why } => Some(EngineError::Unavailable { why: why.clone() }),
            Status::Stopped | Status::Overtaken => Some(EngineError::Stopped),
            Status::Ready => None,
        };
        let answer = match task {
            Task::Stop => {
                self.stopping = true;
                return;
            }
            Task::Positions(stream, caller) => {
                drop(caller.send(self.past.positions(&stream)));
                return;
            }
            Task::Command(request, caller) => {
                let receipt = out_of_reach.map_or_else(|| self.command(&request), Err);
                Answer::Command(caller, receipt)
            }
            Task::Commands(requests, caller) => {
                let outcomes = out_of_reach.map_or_else(|| self.commands(&requests), Err);
                Answer::Commands(caller, outcomes)
            }
            Task::Usage(batch, caller) => {
                let outcomes = out_of_reach.map_or_else(|| self.usage(&batch), Err);
                Answer::Usage(caller, outcomes)
            }
            Task::Append(append, caller) => {
                let events = out_of_reach.map_or_else(|| self.application(append), Err);
                Answer::Append(caller, events)
            }
            Task::CatchUp(tenant, caller) => {
                let moment = self.moment();
                let done = out_of_reach.map_or_else(|| self.bring_up_to_date(&tenant, moment), Err);
                Answer::CatchUp(caller, done)
            }
            Task::HasTenant(tenant, caller) => {
                let positions = || self.past.positions(&Stream::tenant(&tenant));
                let positions = out_of_reach.map_or_else(positions, Err);
                Answer::HasTenant(caller, positions.map(|positions| !positions.is_empty()))
            }
        };
        if self.draft.tainted {
            self.start_over(answer);
        } else {
            // Every answer, a refusal too, may rest on events that are not durable yet, or on a state
            // that another writer's events have made old.
            self.draft.batch.answers.push(answer);
        }
    }

    fn send_when_idle(&mut self) {
        if self.flying || self.draft.batch.is_empty() {
            return;
        }
        let batch = self.draft.take_batch();
        if !batch.events.is_empty() {
            metrics::histogram!("quipu_batch_events").record(u32_of(batch.events.len()));
        }
        self.flying = self.work.send(Work::Commit(batch)).is_ok();
    }

    fn take_outcome(&mut self, outcome: Committed) {
        match outcome {
            Committed::Saved(segment) => self.past.index.saved(&segment),
            Committed::Durable(events, appended) => {
                self.flying = false;
                self.durable = appended.head.position;
                let segments = self.past.index.record(&events, &appended);
                self.draft.committed();
                let snapshots = self.states.trim(self.durable);
                if !segments.is_empty() || !snapshots.is_empty() {
                    // The committing thread ends only after this one hangs up.
                    drop(self.work.send(Work::Save { segments, snapshots }));
                }
            }
            Committed::Refused => {
                self.flying = false;
                self.draft.rewind(self.durable);
                self.forget("the journal does not take an event before it");
            }
            Committed::GaveUp(why) => {
                self.flying = false;
                self.stopping = true;
                self.forget(why);
            }
        }
    }

    /// An event did not fit the state that it was decided on, so that state cannot be trusted:
    /// nothing of the batch is written, and all states are read from the journal again.
    fn start_over(&mut self, answer: Answer) {
        tracing::error!("an event did not fit its state; the batch is dropped");
        answer.give();
        while self.flying
            && let Ok(outcome) = self.outcomes.recv()
        {
            self.take_outcome(outcome);
        }
        self.draft.rewind(self.durable);
        self.forget("the batch was dropped because of an inconsistency");
    }

    /// Drops what was decided and is not on its way to the disk, and all speculative state.
    fn forget(&mut self, why: &str) {
        let why = Label::of_any(why);
        for answer in self.draft.take_batch().answers {
            answer.fail(EngineError::Unavailable { why: why.clone() });
        }
        self.draft.lost();
        self.draft.tainted = false;
        self.states.clear();
    }

    fn abandon(mut self, why: &str) {
        tracing::error!(why, "the engine stops");
        self.forget(why);
    }

    fn finish(mut self) {
        let snapshots = self.states.snapshots();
        drop(self.work.send(Work::Save { segments: Vec::new(), snapshots }));
        self.forget("the engine has been shut down");
    }

    /// Now, and the position the next event will have.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            now: self.clock.now().max(self.draft.last_recorded_at),
            next: self.draft.next,
            backdating_seconds: self.backdating_seconds,
        }
    }
}

fn u32_of(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
