//! The events that a follower finds in memory.

use std::sync::Arc;

use quipu_domain::{Position, Recorded};
use quipu_journal::Recent;

use crate::bed::events;

fn committed(first: u64, last: u64) -> Vec<Arc<Recorded>> {
    events(first, last).into_iter().map(Arc::new).collect()
}

fn after(recent: &Recent, position: u64, limit: usize) -> Option<Vec<u64>> {
    let found = recent.after(Position(position), limit)?;
    Some(found.iter().map(|event| event.position.0).collect())
}

#[test]
fn a_follower_takes_what_was_committed_and_it_is_forgotten() {
    let recent = Recent::of(10);
    recent.push(&committed(5, 7));
    recent.push(&committed(8, 9));
    assert_eq!(after(&recent, 4, 3), Some(vec![5, 6, 7]));
    assert_eq!(after(&recent, 7, 9), Some(vec![8, 9]));
    assert_eq!(after(&recent, 4, 3), None, "a second follower reads the journal");
    assert_eq!(after(&recent, 9, 1), None);
}

#[test]
fn whoever_is_too_far_behind_reads_the_journal() {
    let recent = Recent::of(4);
    recent.push(&committed(1, 9));
    assert_eq!(after(&recent, 4, 9), None);
    assert_eq!(after(&recent, 5, 9), Some(vec![6, 7, 8, 9]));
}

#[test]
fn events_of_another_writer_are_a_gap_that_is_not_bridged() {
    let recent = Recent::of(10);
    recent.push(&committed(1, 2));
    recent.push(&committed(4, 5));
    assert_eq!(after(&recent, 0, 9), None);
    assert_eq!(after(&recent, 2, 9), None);
    assert_eq!(after(&recent, 3, 9), Some(vec![4, 5]));
}
