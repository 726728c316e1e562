//! What stood at a moment, in both times: sums over a tenant's trees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use quipu_database::{Connection, RowsStatement, Value};
use quipu_domain::{Position, TenantId};
use quipu_projections::{
    Book, Node, NodeKey, ProjectionError, Row as _, Span, Subject, Sums, Until, UsageSums,
};

use crate::{ViewsError, cells};

/// What a tenant's events up to a position and a moment add up to. What counts before `since`, in
/// micros, may be left out.
pub(super) fn sums<S: Stored>(
    connection: &mut Connection,
    tenant: &TenantId,
    until: &Until,
    since: i64,
) -> Result<Sums<S>, ViewsError> {
    let mut trees = Trees { connection, tenant };
    let mut sums = Sums::default();
    let mut nodes = trees.roots::<S>()?;
    // Those that say what is in the siblings before them, which are left out.
    let mut first_read = BTreeSet::new();
    loop {
        let (mut parts, mut first_of_parts) = (Vec::new(), BTreeSet::new());
        for node in nodes {
            if first_read.contains(&Place::of(&node)) {
                node.add_before_to(&mut sums)?;
            }
            if !node.span.overlaps(until) || node.span.latest_effective_at < since {
                continue;
            }
            if node.level() == 0 || node.span.is_within(until) {
                node.add_to(&mut sums, until)?;
                continue;
            }
            let descent = node.descent(until)?;
            let below = |number| Place::of(&node).below(number);
            first_of_parts.extend(descent.from.map(below));
            parts.extend(descent.numbers.into_iter().map(below));
        }
        if parts.is_empty() {
            return Ok(sums);
        }
        nodes = trees.nodes::<S>(&parts)?;
        first_read = first_of_parts;
    }
}

/// Between which positions a tenant's wallet events stand that are within the bounds and do not
/// count before `since`, in micros; `None` where there are none.
pub(super) fn ends(
    connection: &mut Connection,
    tenant: &TenantId,
    until: &Until,
    since: i64,
) -> Result<Option<(Position, Position)>, ViewsError> {
    let mut trees = Trees { connection, tenant };
    let mut read = BTreeMap::new();
    let mut found = trees.roots::<Book>()?;
    let search = |end| {
        let open = found.iter().map(|node| (Place::of(node), node.span)).collect();
        Search { end, until, since, open, found: None }
    };
    let mut searches = [search(End::First), search(End::Last)];
    loop {
        read.extend(found.into_iter().map(|node| (Place::of(&node), node)));
        let mut wanted = BTreeSet::new();
        for search in &mut searches {
            wanted.extend(search.go_on(&read)?);
        }
        if wanted.is_empty() {
            let [first, last] = searches;
            return Ok(first.found.zip(last.found));
        }
        found = trees.nodes(&wanted.into_iter().collect::<Vec<_>>())?;
    }
}

/// A subject whose trees are in the database.
pub(super) trait Stored: Subject {
    /// Finds nodes, a stretch of a level at a time.
    fn statement() -> &'static RowsStatement;
}

impl Stored for Book {
    fn statement() -> &'static RowsStatement {
        static STATEMENT: LazyLock<RowsStatement> = LazyLock::new(nodes_of::<Book>);
        &STATEMENT
    }
}

impl Stored for UsageSums {
    fn statement() -> &'static RowsStatement {
        static STATEMENT: LazyLock<RowsStatement> = LazyLock::new(nodes_of::<UsageSums>);
        &STATEMENT
    }
}

/// The text is made once per program.
fn nodes_of<S: Subject>() -> RowsStatement {
    let table = S::TABLE;
    let one = format!(
        "SELECT * FROM {table} WHERE tenant = $1 AND is_late = $2 AND level = $3 \
         AND number >= $4 AND number <= $5"
    );
    let many = format!(
        "SELECT node.* FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], \
         $5::bigint[]) AS asked (tenant, is_late, level, first_number, last_number) \
         CROSS JOIN LATERAL (SELECT * FROM {table} AS found WHERE found.tenant = asked.tenant \
         AND found.is_late = asked.is_late AND found.level = asked.level \
         AND found.number >= asked.first_number AND found.number <= asked.last_number) AS node"
    );
    RowsStatement { one: one.leak(), many: many.leak() }
}

/// Where a node is in the trees of its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    is_late: bool,
    level: u8,
    number: i64,
}

impl Place {
    fn of<S: Subject>(node: &Node<S>) -> Place {
        let NodeKey { is_late, level, number, .. } = node.key();
        Place { is_late, level, number }
    }

    /// Of a child.
    fn below(self, number: i64) -> Place {
        Place { level: self.level - 1, number, ..self }
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
    until: &'a Until,
    since: i64,
    open: Vec<(Place, Span)>,
    found: Option<Position>,
}

impl Search<'_> {
    /// Looks into the nodes that were read. Tells which one has to be read to go on; `None` at the
    /// end.
    fn go_on(&mut self, read: &BTreeMap<Place, Node<Book>>) -> Result<Option<Place>, ViewsError> {
        while let Some(nearest) = self.nearest() {
            let (place, span) = self.open[nearest];
            if self.is_whole(&span) {
                self.open.swap_remove(nearest);
                self.find(span.first_position, span.last_position);
                continue;
            }
            let Some(node) = read.get(&place) else { return Ok(Some(place)) };
            if node.span != span {
                // Its parent is a row of an older version, which knew nothing of it.
                self.open[nearest].1 = node.span;
                continue;
            }
            self.open.swap_remove(nearest);
            if place.level > 0 {
                let children = node.children()?.into_iter();
                self.open.extend(children.map(|child| (place.below(child.number), child.span)));
            } else if let Some((first, last)) = node.ends(self.until, self.since)? {
                self.find(first, last);
            }
        }
        Ok(None)
    }

    /// What may hold something beyond what was found.
    fn nearest(&mut self) -> Option<usize> {
        let (until, since, end) = (self.until, self.since, self.end);
        let distance = |span: &Span| end.distance(end.of(span.first_position, span.last_position));
        let found = self.found.map_or(u64::MAX, |found| end.distance(found));
        self.open.retain(|(_, span)| {
            span.overlaps(until) && span.latest_effective_at >= since && distance(span) < found
        });
        (0..self.open.len()).min_by_key(|at| distance(&self.open[*at].1))
    }

    fn is_whole(&self, span: &Span) -> bool {
        span.is_within(self.until) && span.earliest_effective_at >= self.since
    }

    fn find(&mut self, first: Position, last: Position) {
        let at = self.end.of(first, last);
        self.found = self.found.into_iter().chain([at]).min_by_key(|at| self.end.distance(*at));
    }
}

/// A tenant's trees.
struct Trees<'a> {
    connection: &'a mut Connection,
    tenant: &'a TenantId,
}

impl Trees<'_> {
    /// The nodes that are in no other: all of the highest level, and what still grows on a lower
    /// one.
    fn roots<S: Stored>(&mut self) -> Result<Vec<Node<S>>, ViewsError> {
        let of_tree = |is_late| {
            (0..=NodeKey::TOP).map(move |level| {
                let number = if level == NodeKey::TOP { 0 } else { NodeKey::OPEN };
                (Place { is_late, level, number }, NodeKey::OPEN)
            })
        };
        self.stretches(&[false, true].into_iter().flat_map(of_tree).collect::<Vec<_>>())
    }

    /// These nodes, all of which there must be.
    fn nodes<S: Stored>(&mut self, places: &[Place]) -> Result<Vec<Node<S>>, ViewsError> {
        let mut stretches: Vec<(Place, i64)> = Vec::new();
        for place in places {
            match stretches.last_mut() {
                Some((first, last)) if Place { number: *last + 1, ..*first } == *place => {
                    *last = place.number;
                }
                _ => stretches.push((*place, place.number)),
            }
        }
        let nodes = self.stretches::<S>(&stretches)?;
        if nodes.len() == places.len() {
            return Ok(nodes);
        }
        let found: BTreeSet<Place> = nodes.iter().map(Place::of).collect();
        let missing = places.iter().find(|place| !found.contains(place));
        let key = format!("{} {missing:?}", self.tenant);
        Err(ProjectionError::MissingRow { table: S::TABLE, key }.into())
    }

    /// The nodes of a level from a place to a number.
    fn stretches<S: Stored>(
        &mut self,
        stretches: &[(Place, i64)],
    ) -> Result<Vec<Node<S>>, ViewsError> {
        let asked = |(first, last): &(Place, i64)| -> Vec<Value> {
            vec![
                self.tenant.as_str().into(),
                i64::from(first.is_late).into(),
                i64::from(first.level).into(),
                first.number.into(),
                (*last).into(),
            ]
        };
        let asked: Vec<Vec<Value>> = stretches.iter().map(asked).collect();
        let rows = self.connection.query_rows(S::statement(), &asked)?;
        rows.iter().map(cells::typed::<Node<S>>).collect()
    }
}
