//! Sessions that each send their next request when the last one is answered.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use crate::Latencies;

/// How long a session pauses after a request without a clear answer: a server that is away is
/// not to be asked as fast as the processor can.
const PAUSE: Duration = Duration::from_millis(20);

/// One client: what it sends next depends only on what it was answered.
pub trait Session {
    /// Sends the next request and waits for its answer.
    fn step(&mut self) -> impl Future<Output = Step>;
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was done, and completed so many operations; none where it was only a part of one.
    Done {
        /// How many.
        operations: u64,
    },
    /// It had no effect.
    Refused {
        /// The stable code of why.
        code: String,
    },
    /// Whether it had an effect is not known.
    Failed {
        /// What happened instead of an answer.
        why: String,
    },
}

/// For how long.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// So long; what is answered during the warm-up is not measured.
    Time {
        /// Before measuring.
        warm_up: Duration,
        /// Measuring.
        measured: Duration,
    },
    /// Until so many operations are done, or nothing is done any more.
    Operations(u64),
}

/// What was measured.
#[derive(Debug, Default)]
pub struct Measured {
    /// How long.
    pub elapsed: Duration,
    /// Requests that were done.
    pub requests: u64,
    /// Operations that were done.
    pub operations: u64,
    /// How long requests took that were done.
    pub latencies: Latencies,
    /// Refusals by code.
    pub refused: BTreeMap<String, u64>,
    /// Requests whose outcome is not known, by what happened instead.
    pub failed: BTreeMap<String, u64>,
    /// All operations that were done, the warm-up's included.
    pub operations_in_all: u64,
    /// All requests whose outcome is not known, the warm-up's included.
    pub failed_in_all: u64,
}

/// More failures than this, and a run that is to do a number of operations gives up.
const MOST_FAILURES: u64 = 1_000;

/// Runs all sessions side by side on this thread, and gives them back with what was measured.
/// Ends early once `stop` is set.
pub async fn run<S: Session + 'static>(
    sessions: Vec<S>,
    extent: Extent,
    stop: &AtomicBool,
) -> (Measured, Vec<S>) {
    let began = Instant::now();
    let warm_up = match extent {
        Extent::Time { warm_up, .. } => warm_up,
        Extent::Operations(_) => Duration::ZERO,
    };
    let measured = Rc::new(RefCell::new(Measured::default()));
    let stopped = Rc::new(std::cell::Cell::new(false));
    let tasks = LocalSet::new();
    let handles: Vec<_> = sessions
        .into_iter()
        .map(|mut session| {
            let (measured, stopped) = (Rc::clone(&measured), Rc::clone(&stopped));
            tasks.spawn_local(async move {
                while !stopped.get() && !extent.is_reached(began.elapsed(), &measured.borrow()) {
                    let asked = Instant::now();
                    let step = session.step().await;
                    let pause = matches!(step, Step::Failed { .. });
                    let is_measured = extent.measures(began.elapsed());
                    measured.borrow_mut().take(step, asked.elapsed(), is_measured);
                    if pause {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                session
            })
        })
        .collect();
    let watch = async {
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(PAUSE).await;
        }
        stopped.set(true);
        std::future::pending::<Infallible>().await
    };
    let all = tasks.run_until(async {
        let mut sessions = Vec::with_capacity(handles.len());
        for handle in handles {
            sessions.push(handle.await.expect("a session does not panic, and nobody aborts it"));
        }
        sessions
    });
    let sessions = tokio::select! {
        sessions = all => sessions,
        never = watch => match never {},
    };
    let mut measured = measured.take();
    measured.elapsed = match extent {
        Extent::Time { measured, .. } => measured.min(began.elapsed().saturating_sub(warm_up)),
        Extent::Operations(_) => began.elapsed(),
    };
    (measured, sessions)
}

impl Extent {
    fn is_reached(self, elapsed: Duration, measured: &Measured) -> bool {
        match self {
            Extent::Time { warm_up, measured } => elapsed >= warm_up + measured,
            Extent::Operations(most) => {
                measured.operations_in_all >= most || measured.failed_in_all >= MOST_FAILURES
            }
        }
    }

    /// Whether an answer that comes now counts.
    fn measures(self, elapsed: Duration) -> bool {
        match self {
            Extent::Time { warm_up, measured } => (warm_up..warm_up + measured).contains(&elapsed),
            Extent::Operations(_) => true,
        }
    }
}

impl Measured {
    fn take(&mut self, step: Step, latency: Duration, is_measured: bool) {
        let done = match &step {
            Step::Done { operations } => *operations,
            Step::Failed { .. } => {
                self.failed_in_all += 1;
                0
            }
            Step::Refused { .. } => 0,
        };
        self.operations_in_all += done;
        if !is_measured {
            return;
        }
        match step {
            Step::Done { .. } => {
                self.requests += 1;
                self.operations += done;
                self.latencies.record(latency);
            }
            Step::Refused { code } => *self.refused.entry(code).or_default() += 1,
            Step::Failed { why } => *self.failed.entry(why).or_default() += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers from a list, and then for ever with its last element.
    struct Scripted(Vec<Step>);

    impl Session for Scripted {
        async fn step(&mut self) -> Step {
            tokio::task::yield_now().await;
            if self.0.len() > 1 { self.0.remove(0) } else { self.0[0].clone() }
        }
    }

    fn drive(sessions: Vec<Scripted>, extent: Extent) -> Measured {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (measured, sessions) = runtime.block_on(run(sessions, extent, &AtomicBool::new(false)));
        assert!(!sessions.is_empty());
        measured
    }

    #[test]
    fn outcomes_are_counted_apart_and_only_what_was_done_has_a_latency() {
        let script = vec![
            Step::Refused { code: "insufficient_credits".into() },
            Step::Failed { why: "connection reset".into() },
            Step::Done { operations: 0 },
            Step::Done { operations: 3 },
            Step::Done { operations: 1 },
        ];
        let measured = drive(vec![Scripted(script)], Extent::Operations(4));
        assert_eq!((measured.operations, measured.requests), (4, 3));
        assert_eq!(measured.latencies.count(), 3);
        assert_eq!(measured.refused["insufficient_credits"], 1);
        assert_eq!((measured.failed["connection reset"], measured.failed_in_all), (1, 1));
    }

    #[test]
    fn the_warm_up_counts_for_the_books_and_not_for_the_figures() {
        let mut measured = Measured::default();
        measured.take(Step::Done { operations: 5 }, Duration::from_millis(1), false);
        measured.take(Step::Done { operations: 2 }, Duration::from_millis(1), true);
        assert_eq!((measured.operations, measured.operations_in_all), (2, 7));
        assert_eq!(measured.latencies.count(), 1);
    }

    #[test]
    fn an_answer_after_the_end_is_not_measured() {
        let second = Duration::from_secs(1);
        let extent = Extent::Time { warm_up: second, measured: second };
        assert!(!extent.measures(second / 2));
        assert!(extent.measures(second));
        assert!(!extent.measures(2 * second));
    }

    #[test]
    fn a_run_that_is_told_to_stop_ends() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sessions = vec![Scripted(vec![Step::Done { operations: 1 }])];
        let (measured, _) =
            runtime.block_on(run(sessions, Extent::Operations(u64::MAX), &AtomicBool::new(true)));
        assert!(measured.operations_in_all < u64::MAX);
    }
}
