//! How far commands may run ahead of who follows the journal: the views.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quipu_domain::Position;
use quipu_journal::Head;
use tokio::sync::watch;

/// Somebody who follows the journal, and how far behind it may fall.
///
/// Under a load that lasts, what is not held up falls behind without end: commands cost less than
/// the views of them, and both share the machine.
#[derive(Clone, Debug)]
pub struct Follower {
    /// The last event that it has.
    pub position: watch::Receiver<Position>,
    /// Commands wait while it is further behind than that.
    pub most_events_behind: u64,
    /// For how long it may stand still before nobody waits for it any more.
    pub patience: Duration,
}

/// Lets commands wait for a follower that goes on, and never for one that stands still: a view
/// that is away must not stop the book. Nor for one that is behind for another reason than these
/// commands, such as a view that is built from the beginning.
pub(crate) struct Pace {
    follower: Option<Follower>,
    head: watch::Receiver<Head>,
    /// Where the follower was seen to stand still last.
    stands_still_at: AtomicU64,
}

impl Pace {
    pub(crate) fn new(follower: Option<Follower>, head: watch::Receiver<Head>) -> Pace {
        Pace { follower, head, stands_still_at: AtomicU64::new(u64::MAX) }
    }

    /// Returns when the follower is near enough, or not worth waiting for.
    pub(crate) async fn keep(&self) {
        let Some(follower) = &self.follower else { return };
        if !self.is_outpaced(follower, *follower.position.borrow()) {
            return;
        }
        metrics::counter!("quipu_commands_paced_total").increment(1);
        let mut position = follower.position.clone();
        loop {
            let at = *position.borrow_and_update();
            if !self.is_outpaced(follower, at) {
                return;
            }
            match tokio::time::timeout(follower.patience, position.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => return self.stands_still_at.store(at.0, Ordering::Relaxed),
            }
        }
    }

    fn is_outpaced(&self, follower: &Follower, at: Position) -> bool {
        let behind = self.head.borrow().position.0.saturating_sub(at.0);
        let most = follower.most_events_behind;
        behind > most
            && behind <= most.saturating_mul(2)
            && self.stands_still_at.load(Ordering::Relaxed) != at.0
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
            let (head, head_seen) = watch::channel(at(head));
            let (position, position_seen) = watch::channel(Position(position));
            let patience = Duration::from_millis(10);
            let follower = Follower { position: position_seen, most_events_behind: 100, patience };
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
    async fn nobody_waits_twice_for_a_follower_that_stands_still() {
        let bed = Bed::new(150, 0);
        assert!(bed.waits());
        bed.pace.keep().await;
        assert!(!bed.waits());
        bed.head.send_replace(at(200));
        assert!(!bed.waits());
        bed.position.send_replace(Position(1));
        assert!(bed.waits(), "it goes on");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_follower_that_takes_up_from_far_back_or_is_gone() {
        let bed = Bed::new(201, 0);
        assert!(!bed.waits());
        bed.head.send_replace(at(200));
        assert!(bed.waits());
        drop(bed.position);
        bed.pace.keep().await;
    }
}
