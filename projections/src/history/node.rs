//! One row of a tree, and what stands in it.

mod row;

use std::fmt::Debug;
use std::marker::PhantomData;

use quipu_domain::{Position, Recorded};

use super::address::{Address, NodeKey};
use super::span::{self, Child, Part, Span};
use super::sums::{Parts, write_part};
use super::{Names, Question, Subject, Sums};
use crate::ProjectionError;
use crate::bytes::{self, Numbers};

/// A node of a tenant's tree: some events, or the sum over some nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<S: Subject> {
    pub(super) key: NodeKey,
    /// Its place on its level, from 0 on.
    pub(super) place: i64,
    /// How many events or nodes are in it: at most 64, above the leaves of late events at most 8.
    pub(super) children: i64,
    /// Where its events stand, and when they count.
    pub span: Span,
    pub(super) order: Order,
    names: Names,
    content: Content,
    /// What its siblings before it add up to, on some nodes: see [`Node::add_before_to`].
    before: Option<Content>,
    /// Above the leaves, what it knows of its children; absent where an older version wrote it.
    child_spans: Option<Content>,
    /// Of a whole run, what it knows of those that are sorted.
    sorted_child_spans: Option<Content>,
    subject: PhantomData<S>,
}

/// From one node that says what is before it to the next, at most.
const STRIDE: i64 = 8;
/// What says it in so many bytes is short: a leaf has about a thousand.
const SHORT_BYTES: usize = 128;

/// What must not count before which moment, to be in order: of a leaf an event, of a node above
/// the leaves a child. In micros, as all moments here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Nothing that counts before then is in order.
    pub(super) floor: i64,
    /// What the floor rises to next.
    next_floor: i64,
    /// The highest of the moments that the floor follows.
    highest: i64,
}

/// The bytes of a node.
#[derive(Clone, Debug, Default, PartialEq)]
struct Content(Vec<u8>);

/// Up to where a question goes; both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// In the journal.
    pub position: Position,
    /// In effective time, in micros.
    pub effective_at: i64,
}

/// An event of a leaf.
#[derive(Clone)]
pub(super) struct Line<S: Subject> {
    pub(super) position: Position,
    pub(super) effective_at: i64,
    pub(super) parts: Vec<(S::Key, S::Amounts)>,
}

impl Order {
    pub(super) const NONE: Order =
        Order { floor: i64::MIN, next_floor: i64::MIN, highest: i64::MIN };

    /// After a moment that the floor follows, and rises by where `rises`: to the highest moment at
    /// its last rise.
    pub(super) fn after(self, moment: i64, rises: bool) -> Order {
        let highest = self.highest.max(moment);
        if rises {
            Order { floor: self.floor.max(self.next_floor), next_floor: highest, highest }
        } else {
            Order { highest, ..self }
        }
    }
}

impl<S: Subject> Node<S> {
    /// Where it is among the trees of its tenant.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.key.address
    }

    /// What a question has to read of its children. Where it asks for all positions in a run, it
    /// goes down into a sorted child, and not into those that came one after the other.
    pub(super) fn parts(&self, until: &Until) -> Result<Vec<(Address, Part)>, ProjectionError> {
        let is_whole = self.span.last_position <= until.position;
        let children = match &self.sorted_child_spans {
            Some(spans) if is_whole => {
                let first = self.closed_address().first_sorted_child();
                span::read(&spans.0, first).ok_or_else(malformed::<S>)?
            }
            _ => self.children()?,
        };
        Ok(span::parts(&children, until))
    }

    /// What it knows of its children, as they came; of a leaf, nothing.
    pub(super) fn children(&self) -> Result<Vec<Child>, ProjectionError> {
        if self.address().level == 0 {
            return Ok(Vec::new());
        }
        let first = self.closed_address().first_child();
        match &self.child_spans {
            Some(spans) => span::read(&spans.0, first).ok_or_else(malformed::<S>),
            None => Ok((first.number..first.number + self.children)
                .map(|number| Child {
                    address: Address { number, ..first },
                    span: Span::EVERYTHING,
                    says_before: false,
                })
                .collect()),
        }
    }

    /// Adds what is in its siblings before it, where it says that; from one that does not, its
    /// siblings have to be added one by one.
    pub(super) fn add_before_to(&self, sums: &mut Sums<S>) -> Result<(), ProjectionError> {
        let Some(before) = &self.before else { return Ok(()) };
        let added = sums.add_written(self.names.all(), &before.0);
        added.unwrap_or_else(|| Err(malformed::<S>()))
    }

    /// Takes off what is in its siblings before it.
    pub(super) fn take_before_off(&self, sums: &mut Sums<S>) -> Result<(), ProjectionError> {
        let mut before = Sums::default();
        self.add_before_to(&mut before)?;
        sums.take_off(&before)
    }

    /// Adds what is in it, of a leaf only what is within the bounds.
    pub fn add_to(&self, sums: &mut Sums<S>, until: &Until) -> Result<(), ProjectionError> {
        if self.address().level > 0 {
            let added = sums.add_written(self.names.all(), &self.content.0);
            return added.unwrap_or_else(|| Err(malformed::<S>()));
        }
        self.each_line(|line| {
            if line.position > until.position || line.effective_at > until.effective_at {
                return Ok(());
            }
            line.parts.iter().try_for_each(|(key, amounts)| sums.add(key, amounts))
        })
    }

    /// The first and the last position of a leaf's events that a question is about.
    pub(super) fn ends(
        &self,
        Question { until, since }: &Question,
    ) -> Result<Option<(Position, Position)>, ProjectionError> {
        let mut ends: Option<(Position, Position)> = None;
        self.each_line(|line| {
            if line.position <= until.position
                && (*since..=until.effective_at).contains(&line.effective_at)
            {
                let at = line.position;
                let (first, last) = ends.unwrap_or((at, at));
                ends = Some((first.min(at), last.max(at)));
            }
            Ok(())
        })?;
        Ok(ends)
    }

    /// A node that still grows and has nothing in it yet.
    pub(super) fn empty(key: NodeKey, place: i64, order: Order) -> Node<S> {
        Node {
            key,
            place,
            children: 0,
            span: Span::NOTHING,
            order,
            names: Names::none(),
            content: Content::default(),
            before: None,
            child_spans: None,
            sorted_child_spans: None,
            subject: PhantomData,
        }
    }

    /// A leaf of these lines, which grows no more.
    pub(super) fn of_lines(key: NodeKey, lines: &[Line<S>]) -> Node<S> {
        let place = key.address.number;
        let mut leaf = Node::empty(key, place, Order::NONE);
        lines.iter().for_each(|line| leaf.push(line.position, line.effective_at, &line.parts));
        leaf
    }

    /// A node above these children, which grows no more.
    pub(super) fn above(
        key: NodeKey,
        children: &mut [Node<S>],
    ) -> Result<Node<S>, ProjectionError> {
        let place = key.address.number;
        let mut node = Node::empty(key, place, Order::NONE);
        children.iter_mut().try_for_each(|child| node.add_child(child))?;
        Ok(node)
    }

    pub(super) fn is_full(&self) -> bool {
        self.children == self.address().most_children()
    }

    /// The same node, which grows no more.
    pub(super) fn closed(mut self) -> Node<S> {
        self.key.address = self.closed_address();
        self
    }

    /// Where it is, or will be once it grows no more.
    pub(super) const fn closed_address(&self) -> Address {
        Address { number: self.place, ..self.key.address }
    }

    /// A leaf takes an event in.
    pub(super) fn add_event(&mut self, event: &Recorded, parts: &[(S::Key, S::Amounts)]) {
        self.push(event.position, event.effective_at().micros(), parts);
    }

    fn push(&mut self, position: Position, effective_at: i64, parts: &[(S::Key, S::Amounts)]) {
        if self.children == 0 {
            bytes::put_signed(&mut self.content.0, effective_at);
        }
        let first = Numbers::of(&self.content.0).next_signed().unwrap_or_default();
        self.extend(&Span::of_event(position, effective_at));
        bytes::put(&mut self.content.0, position.0);
        bytes::put_signed(&mut self.content.0, effective_at.wrapping_sub(first));
        bytes::put(&mut self.content.0, parts.len() as u64);
        for (key, amounts) in parts {
            write_part::<S>(key, amounts, &mut self.names, &mut self.content.0);
        }
    }

    /// A node above the leaves takes a child in, and tells it what is before it.
    pub(super) fn add_child(&mut self, child: &mut Node<S>) -> Result<(), ProjectionError> {
        let mut sums = Sums::default();
        self.add_to(&mut sums, &Until::EVERYTHING)?;
        child.note_before(&sums);
        self.order = self.order_with(child);
        child.add_to(&mut sums, &Until::EVERYTHING)?;
        self.names = Names::none();
        self.content = Content(sums.write(&mut self.names));
        if self.children == 0 || self.child_spans.is_some() {
            let mut children = self.children()?;
            children.push(child.as_child());
            self.child_spans = Some(Content(span::write(&children)));
        }
        self.extend(&child.span);
        Ok(())
    }

    /// Its children are sorted now, as they are below another node over the same events.
    pub(super) fn know_resorted(&mut self, other: Node<S>) -> Result<(), ProjectionError> {
        self.child_spans = other.children_of_same(self)?;
        Ok(())
    }

    /// Its events are below it once more, sorted, as below another node over the same events.
    pub(super) fn know_sorted(&mut self, other: Node<S>) -> Result<(), ProjectionError> {
        self.sorted_child_spans = other.children_of_same(self)?;
        Ok(())
    }

    /// What it knows of its children, which add up to what another's do.
    fn children_of_same(self, other: &Node<S>) -> Result<Option<Content>, ProjectionError> {
        let is_same = self.span == other.span && self.content == other.content;
        if is_same { Ok(self.child_spans) } else { Err(malformed::<S>()) }
    }

    /// As its parent knows it.
    fn as_child(&self) -> Child {
        Child { address: self.address(), span: self.span, says_before: self.before.is_some() }
    }

    /// What a child leaves of the order of those before it. A child may begin before a few of them
    /// end: a question reads so many more of them. One that begins far earlier ends the order.
    fn order_with(&self, child: &Node<S>) -> Order {
        let rises = (child.place + 1) % STRIDE == 0;
        let order = self.order.after(child.span.latest_effective_at, rises);
        let is_in_order = child.span.earliest_effective_at >= self.order.floor;
        if is_in_order { order } else { Order { floor: i64::MAX, ..order } }
    }

    /// Whether its children are out of order once it has taken a last one in.
    pub(super) fn is_disordered_by(&self, child: &Node<S>) -> bool {
        self.order_with(child).floor == i64::MAX
    }

    /// A node says what is before it where that is short; where there are many keys, every eighth
    /// of a parent does: a question reads seven siblings at most, and rows stay small.
    pub(super) fn note_before(&mut self, siblings: &Sums<S>) {
        let mut names = self.names.clone();
        let before = siblings.write(&mut names);
        if before.len() <= SHORT_BYTES || self.place % STRIDE == 0 {
            (self.names, self.before) = (names, Some(Content(before)));
        }
    }

    fn extend(&mut self, span: &Span) {
        self.span = self.span.with(span);
        self.children += 1;
    }

    /// Hands the events of a leaf out, in the order in which they stand in it.
    pub(super) fn each_line(
        &self,
        mut each: impl FnMut(&Line<S>) -> Result<(), ProjectionError>,
    ) -> Result<(), ProjectionError> {
        let mut parts = Parts::<S>::of(self.names.all(), &self.content.0);
        let mut line = Line { position: Position::ZERO, effective_at: 0, parts: Vec::new() };
        let first = parts.numbers.next_signed();
        while !parts.numbers.is_empty() {
            first.and_then(|first| line.read(&mut parts, first)).ok_or_else(malformed::<S>)?;
            each(&line)?;
        }
        Ok(())
    }
}

impl<S: Subject> Line<S> {
    /// Becomes the next one of a leaf, whose content begins with the moment that its lines count
    /// from.
    fn read(&mut self, from: &mut Parts<'_, S>, first: i64) -> Option<()> {
        self.position = Position(from.numbers.next()?);
        self.effective_at = first.wrapping_add(from.numbers.next_signed()?);
        self.parts.clear();
        for _ in 0..from.numbers.next()? {
            let (key, amounts) = from.next()?;
            self.parts.push((key.clone(), amounts));
        }
        Some(())
    }
}

fn malformed<S: Subject>() -> ProjectionError {
    ProjectionError::MalformedRow { table: S::TABLE }
}

impl Until {
    /// No bounds.
    pub const EVERYTHING: Until = Until { position: Position(u64::MAX), effective_at: i64::MAX };
}
