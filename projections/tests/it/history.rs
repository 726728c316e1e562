//! Trees of sums stay fast to ask: what is out of order makes no leaf wider than it must be.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use quipu_domain::{GrantId, Position, Recorded, Version};
use quipu_projections::{
    Address, Book, BookHistory, BookKey, Cell, Node, Nodes, ProjectionError, Question, REMAINING,
    Row, Stretch, Sums, Tree, Trees, Until,
};

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

/// The leaves of a tree.
fn leaves(story: &Story, tree: Tree) -> Vec<Node<Book>> {
    let mut leaves: Vec<Node<Book>> = story.fold_whole(&BookHistory);
    leaves.retain(|node| node.address().level == 0 && node.address().tree == tree);
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
    for leaf in leaves(&story, Tree::IN_ORDER) {
        let width = leaf.span.latest_effective_at - leaf.span.earliest_effective_at;
        assert!(width <= 120 * 1_000_000, "{width} micros");
    }
    let late: Vec<Node<Book>> = leaves(&story, Tree::LATE);
    let [leaf] = late.as_slice() else { panic!("{late:?}") };
    assert_eq!(
        (leaf.span.first_position, leaf.span.last_position),
        (Position(8_303), Position(8_313))
    );
}

#[test]
fn leaves_of_a_parent_are_sorted_where_several_sources_take_turns() {
    // Three sources, a thousand events at a time, the second an hour behind and the third two.
    let story = story(4_200, |number| -3_600 * i64::try_from(number / 1_000 % 3).unwrap());
    let mut leaves = leaves(&story, Tree::IN_ORDER);
    assert_eq!(leaves.len(), 66);
    // Two of them have no full parent yet.
    leaves.truncate(64);
    for pair in leaves.windows(2) {
        assert!(pair[0].span.latest_effective_at <= pair[1].span.earliest_effective_at);
    }
}

#[test]
fn leaves_that_overlap_a_little_are_left_as_they_came() {
    // Every other event counts a minute earlier: about a leaf's width.
    let story = story(4_200, |number| -60 * i64::try_from(number % 2).unwrap());
    for (number, leaf) in leaves(&story, Tree::IN_ORDER).iter().take(64).enumerate() {
        let first = Position(2 + 64 * number as u64);
        assert_eq!((leaf.span.first_position, leaf.span.last_position), (first, first.plus(63)));
    }
}

#[test]
fn an_event_of_today_does_not_make_history_recorded_after_it_late() {
    const YEAR: i64 = 365 * 86_400;
    let story = story(60_000, |number| if number == 0 { 0 } else { -YEAR });
    assert!(leaves(&story, Tree::LATE).is_empty());
    // Nor does a question have to read the nodes after its one by one.
    let stored = Stored::of(&story);
    let reads = moments(&story, 200).into_iter().map(|until| stored.sums(until).1);
    let most = reads.max().unwrap();
    assert!(most <= 6, "{most}");
}

/// So many late events, each after one that is in order.
fn story_of_late_events(late: u64) -> Story {
    story(2 * late, |number| match number % 2 {
        0 => 0,
        _ => 86_400 + i64::try_from(number * 7_919 % (2 * late)).unwrap(),
    })
}

/// A tenant's nodes, as a database would give them.
struct Stored(BTreeMap<Address, Node<Book>>);

impl Stored {
    fn of(story: &Story) -> Stored {
        let nodes: Vec<Node<Book>> = story.fold_whole(&BookHistory);
        Stored(nodes.into_iter().map(|node| (node.address(), node)).collect())
    }

    fn trees(&self) -> Trees<Book, Counted<'_>> {
        Trees::of(Counted { stored: self, reads: Rc::default() })
    }

    /// The answer, and how many nodes below the uppermost ones it took.
    fn sums(&self, until: Until) -> (Sums<Book>, usize) {
        let reads = Rc::default();
        let mut trees = Trees::of(Counted { stored: self, reads: Rc::clone(&reads) });
        let sums = trees.sums(&Question::up_to(&until)).unwrap();
        let below = reads.borrow().iter().skip(1).sum();
        (sums, below)
    }
}

/// Takes down how many nodes were given at each question.
struct Counted<'a> {
    stored: &'a Stored,
    reads: Rc<RefCell<Vec<usize>>>,
}

impl Nodes<Book> for Counted<'_> {
    type Error = ProjectionError;

    fn read(&mut self, stretches: &[Stretch]) -> Result<Vec<Node<Book>>, ProjectionError> {
        let found = stretches.iter().flat_map(|Stretch { first, last_number }| {
            let last = Address { number: *last_number, ..*first };
            self.stored.0.range(*first..=last).map(|(_, node)| node.clone())
        });
        let found: Vec<Node<Book>> = found.collect();
        self.reads.borrow_mut().push(found.len());
        Ok(found)
    }
}

/// Positions and moments all over a story, the same ones on every run.
fn moments(story: &Story, count: u64) -> Vec<Until> {
    let at = |number: u64| {
        let number = usize::try_from(number % story.events.len() as u64).unwrap();
        &story.events[number]
    };
    let until = |number: u64| Until {
        position: at(number * 48_271).position,
        effective_at: at(number * 69_621 + 17).effective_at().micros(),
    };
    (1..=count).map(until).collect()
}

fn is_until(until: &Until) -> impl Fn(&&Recorded) -> bool {
    |event| event.position <= until.position && event.effective_at().micros() <= until.effective_at
}

#[test]
fn any_moment_is_answered_as_if_each_event_were_looked_at() {
    // In order, out of order within a parent, and late; the last open nodes are filled a little.
    let story = story(3 * 4_096 + 70, |number| match number {
        0..=4_095 => 0,
        4_096..=8_191 => -i64::try_from(number * 7_919 % 4_096).unwrap(),
        _ => 86_400 + i64::try_from(number * 7_919 % 4_096).unwrap(),
    });
    let grant = GrantId(story.events[1].position);
    let stored = Stored::of(&story);
    for until in moments(&story, 300) {
        // A grant, and then debits of 0.01 from it.
        let count = story.events[1..].iter().filter(is_until(&until)).count();
        let expected = 1_000_000_000_000 - 10_000 * (i128::try_from(count).unwrap() - 1);
        let (sums, _) = stored.sums(until);
        assert_eq!(sums.of(&BookKey::Lot(grant))[REMAINING], expected, "{until:?}");
    }
}

#[test]
fn late_events_as_version_3_kept_them_are_asked_until_they_are_built_anew() {
    let story = story(5_000, |_| 0);
    let stored = Stored::of(&story);
    // They had a tree like the one of events in order, with a number of its own.
    let of_version_3 = stored.0.values().map(|node| {
        let mut cells = node.cells();
        assert_eq!(std::mem::replace(&mut cells[1], Cell::Int(1)), Cell::Int(0));
        let node = Node::from_cells(&cells).unwrap();
        (node.address(), node)
    });
    let of_version_3 = Stored(of_version_3.collect());
    for until in moments(&story, 50) {
        assert_eq!(of_version_3.sums(until), stored.sums(until));
    }
}

#[test]
fn the_ends_of_what_counts_within_any_bounds_are_found() {
    let story = story_of_late_events(5_000);
    let stored = Stored::of(&story);
    for (until, from) in moments(&story, 100).into_iter().zip(moments(&story, 200).split_off(100)) {
        let question = Question { until, since: from.effective_at };
        let is_since = |event: &&Recorded| event.effective_at().micros() >= question.since;
        let wallet = story.events[1..].iter().filter(is_until(&until)).filter(is_since);
        let positions: Vec<Position> = wallet.map(|event| event.position).collect();
        let expected = positions.first().copied().zip(positions.last().copied());
        assert_eq!(stored.trees().ends(&question).unwrap(), expected, "{question:?}");
    }
}

#[test]
fn what_one_question_has_read_another_does_not_read_again() {
    let stored = Stored::of(&story_of_late_events(5_000));
    let reads: Rc<RefCell<Vec<usize>>> = Rc::default();
    let mut trees = Trees::of(Counted { stored: &stored, reads: Rc::clone(&reads) });
    for at in [3_000, 7_001] {
        let until = Until { position: Position(at), effective_at: i64::MAX };
        let sums = trees.sums(&Question::up_to(&until)).unwrap();
        assert_eq!(sums, stored.sums(until).0);
        let before = reads.borrow().len();
        assert_eq!(trees.sums(&Question::up_to(&until)).unwrap(), sums);
        assert_eq!(reads.borrow().len(), before);
    }
}

#[test]
fn eight_times_as_many_late_events_cost_a_question_some_more_nodes_and_not_eight_times_as_many() {
    let most_and_mean_reads = |late| {
        let story = story_of_late_events(late);
        let stored = Stored::of(&story);
        let reads = moments(&story, 200).into_iter().map(|until| stored.sums(until).1);
        let reads: Vec<usize> = reads.collect();
        (reads.iter().max().copied().unwrap(), reads.iter().sum::<usize>() / reads.len())
    };
    let reads: Vec<(usize, usize)> =
        [600, 4_800, 38_400].into_iter().map(most_and_mean_reads).collect();
    for pair in reads.windows(2) {
        let [(most, mean), (most_of_more, mean_of_more)] = [pair[0], pair[1]];
        assert!(most_of_more <= most + 20 && mean_of_more <= mean + 5, "{reads:?}");
    }
}
