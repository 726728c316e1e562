//! What a tenant's trees answer to a question, from as few nodes as it takes.

use std::collections::{BTreeMap, BTreeSet};

use quipu_domain::Position;

use super::span::Part;
use super::{Address, Node, Span, Subject, Sums, Until};
use crate::ProjectionError;

/// Which of a tenant's events a question is about.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Those up to here.
    pub until: Until,
    /// What counts before then, in micros, may be left out.
    pub since: i64,
}

/// Nodes of a level that are next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first of them.
    pub first: Address,
    /// The number of the last.
    pub last_number: i64,
}

impl Question {
    /// About everything up to there.
    #[must_use]
    pub const fn up_to(until: &Until) -> Question {
        Question { until: *until, since: i64::MIN }
    }

    /// What the events add up to. `read` is asked a few times, and gives the nodes of all
    /// stretches, in any order.
    pub fn sums<S: Subject, E: From<ProjectionError>>(
        &self,
        mut read: impl FnMut(&[Stretch]) -> Result<Vec<Node<S>>, E>,
    ) -> Result<Sums<S>, E> {
        let Question { until, since } = self;
        let mut sums = Sums::default();
        let mut nodes = read(&roots())?;
        let mut parts = BTreeMap::new();
        loop {
            let mut parts_below = BTreeMap::new();
            for node in nodes {
                match parts.get(&node.address()) {
                    Some(Part::LessBefore) => {
                        node.take_before_off(&mut sums)?;
                        continue;
                    }
                    Some(Part::WithBefore) => node.add_before_to(&mut sums)?,
                    Some(Part::Itself) | None => {}
                }
                if !node.span.overlaps(until) || node.span.latest_effective_at < *since {
                    continue;
                }
                if node.address().level == 0 || node.span.is_within(until) {
                    node.add_to(&mut sums, until)?;
                } else {
                    parts_below.extend(node.parts(until)?);
                }
            }
            if parts_below.is_empty() {
                return Ok(sums);
            }
            parts = parts_below;
            nodes = read_all(&parts.keys().copied().collect::<Vec<_>>(), &mut read)?;
        }
    }

    /// Between which positions the events stand; `None` where there are none.
    pub fn ends<S: Subject, E: From<ProjectionError>>(
        &self,
        mut read: impl FnMut(&[Stretch]) -> Result<Vec<Node<S>>, E>,
    ) -> Result<Option<(Position, Position)>, E> {
        let mut known = BTreeMap::new();
        let mut found = read(&roots())?;
        let search = |end| {
            let open = found.iter().map(|node| (node.address(), node.span)).collect();
            Search { end, question: self, open, found: None }
        };
        let mut searches = [search(End::First), search(End::Last)];
        // To ask costs more than to read: who has not found an end in a few steps looks into more
        // at each.
        for most_at_once in (0..).map(|step| 1 << 4.min(step)) {
            known.extend(found.into_iter().map(|node| (node.address(), node)));
            let mut wanted = BTreeSet::new();
            for search in &mut searches {
                wanted.extend(search.go_on(&known, most_at_once)?);
            }
            if wanted.is_empty() {
                break;
            }
            found = read_all(&wanted.into_iter().collect::<Vec<_>>(), &mut read)?;
        }
        let [first, last] = searches;
        Ok(first.found.zip(last.found))
    }
}

fn roots() -> Vec<Stretch> {
    Address::roots().map(|first| Stretch { first, last_number: Address::OPEN }).collect()
}

/// Reads these nodes, all of which there must be.
fn read_all<S: Subject, E: From<ProjectionError>>(
    addresses: &[Address],
    read: &mut impl FnMut(&[Stretch]) -> Result<Vec<Node<S>>, E>,
) -> Result<Vec<Node<S>>, E> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for address in addresses {
        match stretches.last_mut() {
            Some(Stretch { first, last_number })
                if Address { number: *last_number + 1, ..*first } == *address =>
            {
                *last_number = address.number;
            }
            _ => stretches.push(Stretch { first: *address, last_number: address.number }),
        }
    }
    let nodes = read(&stretches)?;
    let found: BTreeSet<Address> = nodes.iter().map(Node::address).collect();
    match addresses.iter().find(|address| !found.contains(address)) {
        None => Ok(nodes),
        Some(missing) => {
            Err(ProjectionError::MissingRow { table: S::TABLE, key: format!("{missing:?}") }.into())
        }
    }
}

/// Which end of a tenant's events is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

impl End {
    fn of(self, first: Position, last: Position) -> Position {
        match self {
            End::First => first,
            End::Last => last,
        }
    }

    /// How far in something begins, seen from this end.
    fn distance_of(self, span: &Span) -> u64 {
        self.distance(self.of(span.first_position, span.last_position))
    }

    /// How far in a position is, seen from this end.
    fn distance(self, position: Position) -> u64 {
        match self {
            End::First => position.0,
            End::Last => u64::MAX - position.0,
        }
    }
}

/// The search for an end of the events that a question is about: what may reach out furthest is
/// looked into first.
struct Search<'a> {
    end: End,
    question: &'a Question,
    open: Vec<(Address, Span)>,
    found: Option<Position>,
}

impl Search<'_> {
    /// Looks into the nodes that were read. Tells which one has to be read to go on, and some that
    /// would come after it; none at the end.
    fn go_on<S: Subject>(
        &mut self,
        known: &BTreeMap<Address, Node<S>>,
        most_at_once: usize,
    ) -> Result<Vec<Address>, ProjectionError> {
        while let Some(nearest) = self.nearest() {
            let (address, span) = self.open[nearest];
            if self.is_whole(&span) {
                self.open.swap_remove(nearest);
                self.find(span.first_position, span.last_position);
                continue;
            }
            let Some(node) = known.get(&address) else {
                return Ok(self.nearest_unread(known, most_at_once));
            };
            if node.span != span {
                // Its parent is a row of an older version, which knew nothing of it.
                self.open[nearest].1 = node.span;
                continue;
            }
            self.open.swap_remove(nearest);
            if address.level > 0 {
                let children = node.children()?.into_iter();
                self.open.extend(children.map(|child| (child.address, child.span)));
            } else if let Some((first, last)) = node.ends(self.question)? {
                self.find(first, last);
            }
        }
        Ok(Vec::new())
    }

    /// What may hold something beyond what was found.
    fn nearest(&mut self) -> Option<usize> {
        let (Question { until, since }, end) = (self.question, self.end);
        let found = self.found.map_or(u64::MAX, |found| end.distance(found));
        self.open.retain(|(_, span)| {
            let may_hold = span.overlaps(until) && span.latest_effective_at >= *since;
            may_hold && end.distance_of(span) < found
        });
        (0..self.open.len()).min_by_key(|at| end.distance_of(&self.open[*at].1))
    }

    fn nearest_unread<S: Subject>(
        &self,
        known: &BTreeMap<Address, Node<S>>,
        most: usize,
    ) -> Vec<Address> {
        let unread = self.open.iter().filter(|(address, _)| !known.contains_key(address));
        let mut unread: Vec<&(Address, Span)> = unread.collect();
        unread.sort_by_key(|(_, span)| self.end.distance_of(span));
        // What is whole ends the search.
        let unread = unread.into_iter().take_while(|(_, span)| !self.is_whole(span));
        unread.take(most).map(|(address, _)| *address).collect()
    }

    fn is_whole(&self, span: &Span) -> bool {
        let Question { until, since } = self.question;
        span.is_within(until) && span.earliest_effective_at >= *since
    }

    fn find(&mut self, first: Position, last: Position) {
        let at = self.end.of(first, last);
        self.found = self.found.into_iter().chain([at]).min_by_key(|at| self.end.distance(*at));
    }
}
