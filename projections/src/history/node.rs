//! One row of a tree: its columns, and what stands in it.

use std::fmt::Debug;
use std::marker::PhantomData;

use quipu_domain::{Position, Recorded, TenantId, Timestamp};

use super::span::{self, Child, Descent, Span};
use super::sums::{Parts, write_part};
use super::{BRANCHES, Names, Subject, Sums};
use crate::ProjectionError;
use crate::bytes::{self, Numbers};
use crate::cell::{Cell, Field, Kind};
use crate::table::{Column, Row, Schema, column};

/// A node of a tenant's tree: some events, or the sum over some nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<S: Subject> {
    pub(super) key: NodeKey,
    /// Its place on its level, from 0 on.
    pub(super) place: i64,
    /// How many events or nodes are in it: at most 64.
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
    subject: PhantomData<S>,
}

/// What tells one node from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey {
    /// Whose.
    pub tenant: TenantId,
    /// Whether it is of the tree of events that are out of order.
    pub is_late: bool,
    /// How far above the events: 0 for a leaf.
    pub level: u8,
    /// Its place on its level; for the node that still grows, one that no node will have.
    pub number: i64,
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

impl NodeKey {
    /// The number of the node that still grows.
    pub const OPEN: i64 = i64::MAX;
    /// The highest level; its nodes are sums over 64^4 events.
    pub const TOP: u8 = 3;

    /// The node of a level that still grows.
    pub(super) fn open(tenant: &TenantId, is_late: bool, level: u8) -> NodeKey {
        NodeKey { tenant: tenant.clone(), is_late, level, number: NodeKey::OPEN }
    }
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
    /// How far above the events: 0 for a leaf.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.key.level
    }

    /// What a question has to read of its children, which are on the level below.
    pub fn descent(&self, until: &Until) -> Result<Descent, ProjectionError> {
        Ok(Descent::into(&self.children()?, until))
    }

    /// What it knows of its children; of a leaf, nothing.
    pub fn children(&self) -> Result<Vec<Child>, ProjectionError> {
        let first = self.place * BRANCHES;
        match &self.child_spans {
            Some(spans) => span::read(&spans.0, first).ok_or_else(malformed::<S>),
            None if self.key.level == 0 => Ok(Vec::new()),
            None => Ok((first..first + self.children)
                .map(|number| Child { number, span: Span::EVERYTHING, says_before: false })
                .collect()),
        }
    }

    /// Adds what is in its siblings before it, where it says that; from one that does not, its
    /// siblings have to be added one by one.
    pub fn add_before_to(&self, sums: &mut Sums<S>) -> Result<(), ProjectionError> {
        let Some(before) = &self.before else { return Ok(()) };
        let added = sums.add_written(self.names.all(), &before.0);
        added.unwrap_or_else(|| Err(malformed::<S>()))
    }

    /// Adds what is in it, of a leaf only what is within the bounds.
    pub fn add_to(&self, sums: &mut Sums<S>, until: &Until) -> Result<(), ProjectionError> {
        if self.key.level > 0 {
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

    /// The first and the last position of a leaf's events that are within the bounds and do not
    /// count before `since`, in micros.
    pub fn ends(
        &self,
        until: &Until,
        since: i64,
    ) -> Result<Option<(Position, Position)>, ProjectionError> {
        let mut ends: Option<(Position, Position)> = None;
        self.each_line(|line| {
            if line.position <= until.position
                && (since..=until.effective_at).contains(&line.effective_at)
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
            subject: PhantomData,
        }
    }

    /// A leaf of these lines.
    pub(super) fn of_lines(key: NodeKey, place: i64, order: Order, lines: &[Line<S>]) -> Node<S> {
        let mut leaf = Node::empty(key, place, order);
        lines.iter().for_each(|line| leaf.push(line.position, line.effective_at, &line.parts));
        leaf
    }

    pub(super) fn is_full(&self) -> bool {
        self.children == BRANCHES
    }

    /// The same node, which grows no more.
    pub(super) fn closed(mut self) -> Node<S> {
        self.key.number = self.place;
        self
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
            self.know(&children);
        }
        self.extend(&child.span);
        Ok(())
    }

    /// Takes down what its children are.
    pub(super) fn know(&mut self, children: &[Child]) {
        self.child_spans = Some(Content(span::write(children)));
    }

    /// As its parent knows it.
    pub(super) fn as_child(&self) -> Child {
        Child { number: self.place, span: self.span, says_before: self.before.is_some() }
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

const COLUMNS: &[Column] = &[
    column::<TenantId>("tenant"),
    column::<bool>("is_late"),
    column::<u8>("level"),
    column::<i64>("number"),
    column::<i64>("place"),
    column::<i64>("children"),
    column::<Position>("first_position"),
    column::<Position>("last_position"),
    column::<Timestamp>("earliest_effective_at"),
    column::<Timestamp>("latest_effective_at"),
    column::<i64>("order_floor"),
    column::<i64>("next_floor"),
    column::<i64>("latest_in_order"),
    column::<Names>("names"),
    column::<Content>("content"),
    column::<Option<Content>>("sum_before"),
    column::<Option<Content>>("child_spans"),
];

impl<S: Subject> Row for Node<S> {
    type Key = NodeKey;

    const SCHEMA: Schema = Schema { name: S::TABLE, columns: COLUMNS, key_columns: 4 };

    fn key(&self) -> NodeKey {
        self.key.clone()
    }

    fn key_cells(key: &NodeKey) -> Vec<Cell> {
        vec![key.tenant.to_cell(), key.is_late.to_cell(), key.level.to_cell(), key.number.to_cell()]
    }

    fn cells(&self) -> Vec<Cell> {
        let mut cells = Self::key_cells(&self.key);
        cells.extend([
            self.place.to_cell(),
            self.children.to_cell(),
            self.span.first_position.to_cell(),
            self.span.last_position.to_cell(),
            self.span.earliest_effective_at.to_cell(),
            self.span.latest_effective_at.to_cell(),
            self.order.floor.to_cell(),
            self.order.next_floor.to_cell(),
            self.order.highest.to_cell(),
            self.names.to_cell(),
            self.content.to_cell(),
            self.before.to_cell(),
            self.child_spans.to_cell(),
        ]);
        cells
    }

    fn from_cells(cells: &[Cell]) -> Option<Node<S>> {
        let [
            tenant,
            is_late,
            level,
            number,
            place,
            children,
            first_position,
            last_position,
            earliest_effective_at,
            latest_effective_at,
            floor,
            next_floor,
            highest,
            names,
            content,
            before,
            child_spans,
        ] = cells
        else {
            return None;
        };
        Some(Node {
            key: NodeKey {
                tenant: Field::from_cell(tenant)?,
                is_late: Field::from_cell(is_late)?,
                level: Field::from_cell(level)?,
                number: Field::from_cell(number)?,
            },
            place: Field::from_cell(place)?,
            children: Field::from_cell(children)?,
            span: Span {
                first_position: Field::from_cell(first_position)?,
                last_position: Field::from_cell(last_position)?,
                earliest_effective_at: Field::from_cell(earliest_effective_at)?,
                latest_effective_at: Field::from_cell(latest_effective_at)?,
            },
            order: Order {
                floor: Field::from_cell(floor)?,
                next_floor: Field::from_cell(next_floor)?,
                highest: Field::from_cell(highest)?,
            },
            names: Field::from_cell(names)?,
            content: Field::from_cell(content)?,
            before: Field::from_cell(before)?,
            child_spans: Field::from_cell(child_spans)?,
            subject: PhantomData,
        })
    }
}

impl Field for Content {
    const KIND: Kind = Kind::Bytes;

    fn to_cell(&self) -> Cell {
        Cell::Bytes(self.0.clone())
    }

    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Bytes(bytes) = cell { Some(Content(bytes.clone())) } else { None }
    }
}
