//! How far commands may run ahead of who follows the journal: the views.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use quipu_domain::Position;
use quipu_journal::Head;
use tokio::sync::watch;
use tokio::time::Instant;

/// How many times further behind than it may be somebody is who takes up from far back: a server
/// that was killed under full load finds its views three times as far behind.
const FAR_BACK: u64 = 4;

/// Somebody who follows the journal, and how far behind it may fall.
///
/// Under a load that lasts, what is not held up falls behind without end: commands cost less than
/// the views of them, and both share the machine.
#[derive(Clone, Debug)]
pub struct Follower {
    /// The last event that it has taken in.
    pub position: watch::Receiver<Position>,
    /// Commands wait while it is further behind than that.
    pub most_events_behind: u64,
    /// How long one command waits at most: well below what its caller allows for the whole.
    pub longest_wait: Duration,
    /// For how long it may stand still before nobody waits for it any more.
    pub patience: Duration,
}

/// Lets commands wait for a follower that goes on, and never for one that stands still: a view
/// that is away must not stop the book. Nor for one that is behind for another reason than these
/// commands, such as a view that is built from the beginning.
pub(crate) struct Pace {
    follower: Option<Follower>,
    head: watch::Receiver<Head>,
    /// Where the follower was when it was outpaced last, and since when it is there: commands wait
    /// less long than it may stand still, so it is not for one of them to find out.
    stands_at: Mutex<Option<(Position, Instant)>>,
}

impl Pace {
    pub(crate) fn new(follower: Option<Follower>, head: watch::Receiver<Head>) -> Pace {
        Pace { follower, head, stands_at: Mutex::new(None) }
    }

    /// Returns when the follower is near enough, or not worth waiting for, or after a while.
    pub(crate) async fn keep(&self) {
        let Some(follower) = &self.follower else { return };
        let is_near = |at: &Position| !self.is_outpaced(follower, *at);
        if is_near(&follower.position.borrow()) {
            return;
        }
        metrics::counter!("quipu_commands_paced_total").increment(1);
        let mut position = follower.position.clone();
        // A follower that is gone is not waited for either.
        let _ = tokio::time::timeout(follower.longest_wait, position.wait_for(is_near)).await;
    }

    fn is_outpaced(&self, follower: &Follower, at: Position) -> bool {
        let behind = self.head.borrow().position.0.saturating_sub(at.0);
        let most = follower.most_events_behind;
        let is_behind = behind > most && behind <= most.saturating_mul(FAR_BACK);
        is_behind && self.stands_since(at).elapsed() < follower.patience
    }

    fn stands_since(&self, at: Position) -> Instant {
        let mut stands_at = self.stands_at.lock().unwrap_or_else(PoisonError::into_inner);
        match *stands_at {
            Some((position, since)) if position == at => since,
            _ => stands_at.insert((at, Instant::now())).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use quipu_domain::Timestamp;
    use quipu_journal::Root;

    use super::*;

    struct Bed {
        head: watch::Sender<Head>,
        position: watch::Sender<Position>,
        pace: Pace,
    }

    impl Bed {
        /// A follower that may be 100 events behind.
        fn new(head: u64, position: u64) -> Bed {
            Bed::with_patience(head, position, Duration::MAX)
        }

        fn with_patience(head: u64, position: u64, patience: Duration) -> Bed {
            let (head, head_seen) = watch::channel(at(head));
            let (position, position_seen) = watch::channel(Position(position));
            let follower = Follower {
                position: position_seen,
                most_events_behind: 100,
                longest_wait: Duration::from_millis(10),
                patience,
            };
            Bed { head, position, pace: Pace::new(Some(follower), head_seen) }
        }

        fn waits(&self) -> bool {
            self.pace.keep().now_or_never().is_none()
        }
    }

    fn at(position: u64) -> Head {
        Head {
            position: Position(position),
            root: Root::empty(),
            recorded_at: Timestamp::default(),
        }
    }

    #[tokio::test]
    async fn a_command_waits_until_the_follower_is_near_enough() {
        let bed = Bed::new(150, 0);
        for behind in [120, 101] {
            bed.position.send_replace(Position(150 - behind));
            assert!(bed.waits(), "{behind} behind");
        }
        let waiting = bed.pace.keep();
        let going_on = async { bed.position.send_replace(Position(50)) };
        tokio::join!(waiting, going_on);
        assert!(!bed.waits());
        bed.head.send_replace(at(151));
        assert!(bed.waits(), "outpaced again: it was not given up");
    }

    #[tokio::test]
    async fn one_command_waits_a_while_and_the_next_one_waits_again() {
        let bed = Bed::new(150, 0);
        for _ in 0..3 {
            bed.pace.keep().await;
            assert!(bed.waits(), "a long transaction is not a follower that stands still");
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_follower_that_stands_still() {
        let patience = Duration::from_millis(50);
        let bed = Bed::with_patience(150, 0, patience);
        assert!(bed.waits());
        tokio::time::sleep(patience).await;
        assert!(!bed.waits());
        bed.head.send_replace(at(200));
        assert!(!bed.waits());
        bed.position.send_replace(Position(1));
        assert!(bed.waits(), "it goes on");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_follower_that_takes_up_from_far_back_or_is_gone() {
        let bed = Bed::new(401, 0);
        assert!(!bed.waits());
        bed.head.send_replace(at(400));
        assert!(bed.waits());
        drop(bed.position);
        bed.pace.keep().await;
    }
}
