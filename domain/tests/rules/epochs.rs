//! J6: the epochs of signed checkpoints.

use cqrs_es::test::TestFramework;
use quipu_domain::Position;
use quipu_domain::epoch::{Epoch, EpochCommand, EpochEvent, EpochStarted, NewEpoch, SignedHead};

use crate::support::text;

/// Signed last, in some epoch and over so many events.
fn signed(epoch: u64, size: u64) -> SignedHead {
    let origin = text(&format!("example.com/book/e{epoch}"));
    SignedHead { epoch, origin, size, root: text("AAAA") }
}

fn start(last: SignedHead) -> EpochCommand {
    let (name, reason) = (text("example.com/book"), text("a backup was restored"));
    EpochCommand::Start(last, NewEpoch { name, reason })
}

fn started(epoch: u64, last: SignedHead, restored_size: u64) -> EpochEvent {
    EpochEvent::EpochStarted(EpochStarted {
        epoch,
        origin: text(&format!("example.com/book/e{epoch}")),
        prev_origin: last.origin,
        prev_size: last.size,
        prev_root: last.root,
        restored_size,
        reason: text("a backup was restored"),
    })
}

/// The epochs of a journal with so many events.
fn epochs(events: u64) -> TestFramework<Epoch> {
    TestFramework::with(Position(events + 1))
}

#[test]
fn j6_a_new_epoch_says_what_was_signed_and_what_is_there() {
    epochs(12)
        .given_no_previous_events()
        .when(start(signed(1, 20)))
        .then_expect_events(vec![started(2, signed(1, 20), 12)]);
    epochs(40)
        .given(vec![started(2, signed(1, 20), 12)])
        .when(start(signed(2, 50)))
        .then_expect_events(vec![started(3, signed(2, 50), 40)]);
}

#[test]
fn j6_a_number_is_not_used_again_when_its_own_event_was_lost() {
    epochs(5)
        .given_no_previous_events()
        .when(start(signed(2, 50)))
        .then_expect_events(vec![started(3, signed(2, 50), 5)]);
    epochs(40)
        .given(vec![started(4, signed(3, 20), 12)])
        .when(start(signed(2, 50)))
        .then_expect_events(vec![started(5, signed(2, 50), 40)]);
}

#[test]
fn j6_an_epoch_that_does_not_lie_above_the_one_before_is_not_folded() {
    let mut epoch = Epoch::default();
    assert_eq!((epoch.number(), epoch.started()), (1, None));
    assert!(epoch.apply(&started(1, signed(1, 20), 12)).is_err());
    epoch.apply(&started(2, signed(1, 20), 12)).unwrap();
    assert_eq!(epoch.number(), 2);
    assert!(epoch.apply(&started(2, signed(1, 20), 12)).is_err());
}
