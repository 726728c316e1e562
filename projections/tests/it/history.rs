//! Trees of sums stay fast to ask: what is out of order makes no leaf wider than it must be.

use quipu_domain::{Position, Recorded, Version};
use quipu_projections::{Book, BookHistory, Cell, Node, Row};

use crate::support::{Story, from_lots};

/// A debit a second, so many; `ahead_seconds` says how much later each counts.
fn story(debits: u64, ahead_seconds: impl Fn(u64) -> i64) -> Story {
    let mut story = Story::new();
    let lot = story.grant("1000000");
    story.debit("0.01", from_lots(&[(lot, "0.01")]));
    let first = story.events.pop().unwrap();
    story.events.extend((0..debits).map(|number| {
        let recorded_at = first.recorded_at.plus_seconds(i64::try_from(number).unwrap());
        Recorded {
            position: Position(first.position.0 + number),
            version: Version(first.version.0 + number),
            recorded_at,
            effective_at: Some(recorded_at.plus_seconds(ahead_seconds(number))),
            ..first.clone()
        }
    }));
    story
}

/// The leaves of events in order, or of the others.
fn leaves(story: &Story, is_late: bool) -> Vec<Node<Book>> {
    let mut leaves: Vec<Node<Book>> = story.fold_whole(&BookHistory);
    leaves.retain(|node| node.level() == 0 && node.cells()[1] == Cell::Int(is_late.into()));
    leaves
}

#[test]
fn an_event_far_out_of_order_does_not_stretch_the_leaves_of_those_in_order() {
    const DAY: i64 = 86_400;
    // The floor is known from 128 leaves on.
    let story = story(8_400, |number| match number {
        8_300 => DAY,
        8_310 => -DAY,
        _ => 0,
    });
    for leaf in leaves(&story, false) {
        let width = leaf.latest_effective_at.micros() - leaf.earliest_effective_at.micros();
        assert!(width <= 120 * 1_000_000, "{width} micros");
    }
    let late: Vec<Node<Book>> = leaves(&story, true);
    let [leaf] = late.as_slice() else { panic!("{late:?}") };
    assert_eq!((leaf.first_position, leaf.last_position), (Position(8_303), Position(8_313)));
}

#[test]
fn leaves_of_events_out_of_order_are_sorted_by_when_those_count() {
    let story = story(4_200, |number| 86_400 + i64::try_from(number * 7_919 % 4_096).unwrap());
    let mut leaves = leaves(&story, true);
    assert_eq!(leaves.len(), 66);
    leaves.truncate(64);
    for pair in leaves.windows(2) {
        assert!(pair[0].latest_effective_at <= pair[1].earliest_effective_at);
    }
}
