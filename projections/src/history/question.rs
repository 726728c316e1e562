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
}

/// Where the nodes of a tenant's trees are.
pub trait Nodes<S: Subject> {
    /// Why they could not be had.
    type Error: From<ProjectionError>;

    /// The nodes of all stretches, those that exist, in any order.
    fn read(&mut self, stretches: &[Stretch]) -> Result<Vec<Node<S>>, Self::Error>;
}

/// A tenant's trees, of which no node is read twice.
pub struct Trees<S: Subject, N> {
    nodes: N,
    known: BTreeMap<Address, Node<S>>,
    /// Those below no other; empty before they were read, and where there are none.
    roots: Vec<Address>,
}

impl<S: Subject, N: Nodes<S>> Trees<S, N> {
    /// The trees whose nodes are there.
    pub const fn of(nodes: N) -> Trees<S, N> {
        Trees { nodes, known: BTreeMap::new(), roots: Vec::new() }
    }

    /// What the events add up to that a question is about.
    pub fn sums(&mut self, Question { until, since }: &Question) -> Result<Sums<S>, N::Error> {
        let mut sums = Sums::default();
        self.read_roots()?;
        let roots = self.roots.iter().map(|root| (*root, Part::Itself));
        let mut parts: BTreeMap<Address, Part> = roots.collect();
        while !parts.is_empty() {
            self.read(parts.keys())?;
            let mut parts_below = BTreeMap::new();
            for (address, part) in parts {
                let node = &self.known[&address];
                match part {
                    Part::LessBefore => {
                        node.take_before_off(&mut sums)?;
                        continue;
                    }
                    Part::WithBefore => node.add_before_to(&mut sums)?,
                    Part::Itself => {}
                }
                if !node.span.overlaps(until) || node.span.latest_effective_at < *since {
                    continue;
                }
                if address.level == 0 || node.span.is_within(until) {
                    node.add_to(&mut sums, until)?;
                } else {
                    parts_below.extend(node.parts(until)?);
                }
            }
            parts = parts_below;
        }
        Ok(sums)
    }

    /// Between which positions they stand; `None` where there are none.
    pub fn ends(&mut self, question: &Question) -> Result<Option<(Position, Position)>, N::Error> {
        self.read_roots()?;
        let search = |end| {
            let open = self.roots.iter().map(|root| (*root, self.known[root].span)).collect();
            Search { end, question, open, found: None }
        };
        let mut searches = [search(End::First), search(End::Last)];
        // To ask costs more than to read: who has not found an end in a few steps looks into more
        // at each.
        for most_at_once in (0..).map(|step| 1 << 4.min(step)) {
            let mut wanted = BTreeSet::new();
            for search in &mut searches {
                wanted.extend(search.go_on(&self.known, most_at_once)?);
            }
            if wanted.is_empty() {
                break;
            }
            self.read(&wanted)?;
        }
        let [first, last] = searches;
        Ok(first.found.zip(last.found))
    }

    fn read_roots(&mut self) -> Result<(), N::Error> {
        if self.roots.is_empty() {
            let whole = |first| Stretch { first, last_number: Address::OPEN };
            self.know(&Address::roots().map(whole).collect::<Vec<_>>())?;
            self.roots = self.known.keys().copied().collect();
        }
        Ok(())
    }

    /// Reads those of these nodes that are not known yet; all of them there must be.
    fn read<'a>(&mut self, wanted: impl IntoIterator<Item = &'a Address>) -> Result<(), N::Error> {
        let unknown = wanted.into_iter().filter(|address| !self.known.contains_key(address));
        let unknown: Vec<Address> = unknown.copied().collect();
        let mut stretches: Vec<Stretch> = Vec::new();
        for address in &unknown {
            match stretches.last_mut() {
                Some(Stretch { first, last_number })
                    if Address { number: *last_number + 1, ..*first } == *address =>
                {
                    *last_number = address.number;
                }
                _ => stretches.push(Stretch { first: *address, last_number: address.number }),
            }
        }
        self.know(&stretches)?;
        let missing = unknown.iter().find(|address| !self.known.contains_key(address));
        let error =
            |address| ProjectionError::MissingRow { table: S::TABLE, key: format!("{address:?}") };
        missing.map_or(Ok(()), |address| Err(error(address).into()))
    }

    fn know(&mut self, stretches: &[Stretch]) -> Result<(), N::Error> {
        if !stretches.is_empty() {
            let nodes = self.nodes.read(stretches)?;
            self.known.extend(nodes.into_iter().map(|node| (node.address(), node)));
        }
        Ok(())
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
