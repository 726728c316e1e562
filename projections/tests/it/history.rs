//! Trees of sums stay fast to ask: what is out of order makes no leaf wider than it must be.

use std::collections::BTreeMap;

use quipu_domain::{Position, Recorded, Version};
use quipu_projections::{Book, BookHistory, Cell, Node, NodeKey, Row, Sums, Until};

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

/// That 64 of 66 leaves, which have a parent, are sorted by when their events count.
#[track_caller]
fn assert_sorted(mut leaves: Vec<Node<Book>>) {
    assert_eq!(leaves.len(), 66);
    leaves.truncate(64);
    for pair in leaves.windows(2) {
        assert!(pair[0].span.latest_effective_at <= pair[1].span.earliest_effective_at);
    }
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
        let width = leaf.span.latest_effective_at - leaf.span.earliest_effective_at;
        assert!(width <= 120 * 1_000_000, "{width} micros");
    }
    let late: Vec<Node<Book>> = leaves(&story, true);
    let [leaf] = late.as_slice() else { panic!("{late:?}") };
    assert_eq!(
        (leaf.span.first_position, leaf.span.last_position),
        (Position(8_303), Position(8_313))
    );
}

#[test]
fn leaves_of_events_out_of_order_are_sorted_by_when_those_count() {
    let story = story(4_200, |number| 86_400 + i64::try_from(number * 7_919 % 4_096).unwrap());
    assert_sorted(leaves(&story, true));
}

#[test]
fn leaves_of_a_parent_are_sorted_where_several_sources_take_turns() {
    // Three sources, a thousand events at a time, the second an hour behind and the third two.
    let story = story(4_200, |number| -3_600 * i64::try_from(number / 1_000 % 3).unwrap());
    assert_sorted(leaves(&story, false));
}

#[test]
fn leaves_that_overlap_a_little_are_left_as_they_came() {
    // Every other event counts a minute earlier: about a leaf's width.
    let story = story(4_200, |number| -60 * i64::try_from(number % 2).unwrap());
    for (number, leaf) in leaves(&story, false).iter().take(64).enumerate() {
        let first = Position(2 + 64 * number as u64);
        assert_eq!((leaf.span.first_position, leaf.span.last_position), (first, first.plus(63)));
    }
}

#[test]
fn an_event_of_today_does_not_make_history_recorded_after_it_late() {
    const YEAR: i64 = 365 * 86_400;
    let story = story(9_000, |number| if number == 0 { 0 } else { -YEAR });
    assert!(leaves(&story, true).is_empty());
}

/// In order, out of order within a parent, and late: each fills a parent.
fn story_of_three_parents() -> Story {
    story(3 * 4_096 + 70, |number| match number {
        0..=4_095 => 0,
        4_096..=8_191 => -i64::try_from(number * 7_919 % 4_096).unwrap(),
        _ => 86_400 + i64::try_from(number * 7_919 % 4_096).unwrap(),
    })
}

#[test]
fn a_node_knows_where_its_children_are_and_which_say_what_is_before_them() {
    let nodes: Vec<Node<Book>> = story_of_three_parents().fold_whole(&BookHistory);
    let place = |node: &Node<Book>| {
        let NodeKey { is_late, level, number, .. } = node.key();
        (is_late, level, number)
    };
    let by_place: BTreeMap<(bool, u8, i64), &Node<Book>> =
        nodes.iter().map(|node| (place(node), node)).collect();
    let mut known = 0;
    for parent in &nodes {
        let (is_late, level, _) = place(parent);
        for child in parent.children().unwrap() {
            let node = by_place[&(is_late, level - 1, child.number)];
            let says_before = node.cells()[15] != Cell::Null;
            assert_eq!((child.span, child.says_before), (node.span, says_before));
            known += 1;
        }
    }
    let grown = nodes.iter().filter(|node| node.key().number != NodeKey::OPEN).count();
    assert!(grown > 3 * 63);
    assert_eq!(known, grown);
}

#[test]
fn a_node_says_what_its_siblings_before_it_add_up_to() {
    let nodes: Vec<Node<Book>> = story_of_three_parents().fold_whole(&BookHistory);
    let mut told = 0;
    let mut sums = Sums::default();
    for node in &nodes {
        let Cell::Int(number) = node.cells()[3] else { panic!("{node:?}") };
        if number % 64 == 0 {
            sums = Sums::default();
        }
        let mut before = Sums::default();
        node.add_before_to(&mut before).unwrap();
        if before != Sums::default() {
            told += 1;
            assert_eq!(before, sums);
        }
        node.add_to(&mut sums, &Until::EVERYTHING).unwrap();
    }
    // Of three parents' leaves; the other nodes are the first of theirs, or still grow.
    assert_eq!(told, 3 * 63);
}
