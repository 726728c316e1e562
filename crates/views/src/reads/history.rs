//! What stood at a moment, in both times: sums over a tenant's trees.

use std::sync::LazyLock;

use quipu_database::{Connection, Row, RowsStatement, Value};
use quipu_domain::{Position, TenantId};
use quipu_projections::{
    Book, Node, NodeKey, ProjectionError, Row as _, Subject, Sums, Until, UsageSums,
};

use super::int;
use crate::{ViewsError, cells, checkpoints};

/// What a tenant's events up to a position and a moment add up to. What counts before `since`, in
/// micros, may be left out.
pub(super) fn sums<S: Stored>(
    connection: &mut Connection,
    tenant: &TenantId,
    until: &Until,
    since: i64,
) -> Result<Sums<S>, ViewsError> {
    let mut trees = Trees { connection, tenant, until, since };
    let mut sums = Sums::default();
    let mut nodes = trees.nodes::<S>(&S::statements().nodes, &Stretch::roots())?;
    loop {
        // Those of which only a part is within the bounds.
        let mut parts = Vec::new();
        for node in nodes {
            if node.level() == 0 || node.is_within(until) {
                node.add_to(&mut sums, until)?;
            } else if node.overlaps(until) {
                let NodeKey { is_late, level, .. } = node.key();
                parts.push(Stretch::children_of(is_late, level, node.place()));
            }
        }
        if parts.is_empty() {
            return Ok(sums);
        }
        nodes = trees.nodes::<S>(&S::statements().siblings, &parts)?;
        nodes.sort_unstable_by_key(|node| (node.parent(), node.place()));
        let mut parent = None;
        for node in &nodes {
            // The first that was found says what was left out before it.
            if parent.replace(node.parent()) != Some(node.parent()) {
                node.add_before_to(&mut sums)?;
            }
        }
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
    let mut trees = Trees { connection, tenant, until, since };
    let roots = trees.extents(&Stretch::roots())?;
    let first = trees.end(End::First, roots.clone())?;
    let last = trees.end(End::Last, roots)?;
    Ok(first.zip(last))
}

/// A subject whose trees are in the database.
pub(super) trait Stored: Subject {
    /// The statements that find nodes.
    fn statements() -> &'static Statements;
}

impl Stored for Book {
    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<Book>);
        &STATEMENTS
    }
}

impl Stored for UsageSums {
    fn statements() -> &'static Statements {
        static STATEMENTS: LazyLock<Statements> = LazyLock::new(Statements::of::<UsageSums>);
        &STATEMENTS
    }
}

/// How a subject's nodes are found, a stretch of a level at a time.
pub(super) struct Statements {
    /// Those that may hold something within the bounds.
    pub(super) nodes: RowsStatement,
    /// Where the events of such nodes stand, and when they count.
    pub(super) extents: RowsStatement,
    /// Of one parent's children those that may hold something within the bounds, from one on that
    /// says what is before it: the last such one, of those up to the first that is not within the
    /// bounds as a whole. (No node says so while rows of an older version are built anew.)
    pub(super) siblings: RowsStatement,
}

impl Statements {
    fn of<S: Subject>() -> Statements {
        let table = S::TABLE;
        let level = "tenant = $1 AND is_late = $2 AND level = $3";
        let overlaps =
            "first_position <= $6 AND earliest_effective_at <= $7 AND latest_effective_at >= $8";
        let among = |columns: &str| {
            format!(
                "SELECT {columns} FROM {table} WHERE {level} AND number >= $4 AND number <= $5 \
                 AND {overlaps}"
            )
        };
        let siblings = format!(
            "SELECT node.* FROM {table} AS node, (SELECT COALESCE((\
               SELECT number FROM {table} WHERE {level} AND number >= $4 AND number <= COALESCE((\
                 SELECT number FROM {table} WHERE {level} AND number >= $4 AND number <= $5 \
                 AND (last_position > $6 OR latest_effective_at > $7) \
                 ORDER BY number LIMIT 1), $5) \
               AND sum_before IS NOT NULL ORDER BY number DESC LIMIT 1), $4) AS number) AS first \
             WHERE {level} AND node.number >= first.number AND node.number <= $5 \
             AND (node.number = first.number OR ({overlaps}))"
        );
        Statements {
            nodes: for_each_stretch(among("*")),
            extents: for_each_stretch(among(
                "is_late, level, number, place, first_position, last_position, \
                 earliest_effective_at, latest_effective_at",
            )),
            siblings: for_each_stretch(siblings),
        }
    }
}

/// What a stretch is asked for with, in the order of the parameters.
const ASKED: [&str; 8] = [
    "tenant",
    "is_late",
    "level",
    "first_number",
    "last_number",
    "position",
    "effective_at",
    "since",
];

/// The text is made once per program.
fn for_each_stretch(one: String) -> RowsStatement {
    let asked = ASKED.iter().enumerate();
    let for_asked = asked.fold(one.clone(), |text, (place, name)| {
        text.replace(&format!("${}", place + 1), &format!("asked.{name}"))
    });
    let many = format!(
        "SELECT node.* FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], \
         $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) AS asked ({}) \
         CROSS JOIN LATERAL ({for_asked}) AS node",
        ASKED.join(", ")
    );
    RowsStatement { one: one.leak(), many: many.leak() }
}

/// Some nodes of a level of one of the trees: the numbers from and to.
#[derive(Clone, Copy)]
struct Stretch {
    is_late: bool,
    level: u8,
    numbers: (i64, i64),
}

impl Stretch {
    /// The nodes that are in no other: all of the highest level, and what still grows on a lower
    /// one.
    fn roots() -> Vec<Stretch> {
        let of_tree = |is_late| {
            (0..=NodeKey::TOP).map(move |level| {
                let first = if level == NodeKey::TOP { 0 } else { NodeKey::OPEN };
                Stretch { is_late, level, numbers: (first, NodeKey::OPEN) }
            })
        };
        [false, true].into_iter().flat_map(of_tree).collect()
    }

    fn children_of(is_late: bool, level: u8, place: i64) -> Stretch {
        Stretch { is_late, level: level - 1, numbers: NodeKey::child_numbers(place) }
    }
}

/// Which end of a tenant's events is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

impl End {
    fn of(self, (first, last): (Position, Position)) -> Position {
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

/// Where a node's events stand, and when they count.
#[derive(Clone)]
struct Extent {
    is_late: bool,
    level: u8,
    number: i64,
    place: i64,
    positions: (Position, Position),
    moments: (i64, i64),
}

impl Extent {
    fn of(row: &Row) -> Result<Extent, ViewsError> {
        let malformed = || ProjectionError::MalformedRow { table: Book::TABLE };
        let position = |column| checkpoints::position(row.int(column)?);
        Ok(Extent {
            is_late: row.int(0)? == 1,
            level: u8::try_from(row.int(1)?).map_err(|_| malformed())?,
            number: row.int(2)?,
            place: row.int(3)?,
            positions: (position(4)?, position(5)?),
            moments: (row.int(6)?, row.int(7)?),
        })
    }
}

/// A tenant's trees, and what is asked of them.
struct Trees<'a> {
    connection: &'a mut Connection,
    tenant: &'a TenantId,
    until: &'a Until,
    since: i64,
}

impl Trees<'_> {
    /// The end of the events that the question is about: what may reach out furthest is looked
    /// into first.
    fn end(&mut self, end: End, roots: Vec<Extent>) -> Result<Option<Position>, ViewsError> {
        let mut extents = roots;
        let mut found: Option<Position> = None;
        loop {
            let distance = |extent: &Extent| end.distance(end.of(extent.positions));
            let nearest = (0..extents.len()).min_by_key(|at| distance(&extents[*at]));
            let Some(extent) = nearest.map(|at| extents.swap_remove(at)) else { return Ok(found) };
            if found.is_some_and(|found| end.distance(found) <= distance(&extent)) {
                return Ok(found);
            }
            let Extent { is_late, level, .. } = extent;
            let here = if self.contains(&extent) {
                Some(end.of(extent.positions))
            } else if level > 0 {
                let children = Stretch::children_of(is_late, level, extent.place);
                extents.extend(self.extents(&[children])?);
                None
            } else {
                let leaf = Stretch { is_late, level, numbers: (extent.number, extent.number) };
                let leaf = self.nodes::<Book>(&Book::statements().nodes, &[leaf])?;
                let ends = leaf.first().map(|leaf| leaf.ends(self.until, self.since));
                ends.transpose()?.flatten().map(|ends| end.of(ends))
            };
            found = found.into_iter().chain(here).min_by_key(|found| end.distance(*found));
        }
    }

    fn contains(&self, extent: &Extent) -> bool {
        extent.positions.1 <= self.until.position
            && extent.moments.0 >= self.since
            && extent.moments.1 <= self.until.effective_at
    }

    fn extents(&mut self, stretches: &[Stretch]) -> Result<Vec<Extent>, ViewsError> {
        let rows = self.connection.query_rows(&Book::statements().extents, &self.ask(stretches))?;
        rows.iter().map(Extent::of).collect()
    }

    /// The nodes that a statement finds on these stretches.
    fn nodes<S: Stored>(
        &mut self,
        statement: &RowsStatement,
        stretches: &[Stretch],
    ) -> Result<Vec<Node<S>>, ViewsError> {
        let rows = self.connection.query_rows(statement, &self.ask(stretches))?;
        rows.iter().map(cells::typed::<Node<S>>).collect()
    }

    fn ask(&self, stretches: &[Stretch]) -> Vec<Vec<Value>> {
        let asked = |stretch: &Stretch| {
            vec![
                self.tenant.as_str().into(),
                i64::from(stretch.is_late).into(),
                i64::from(stretch.level).into(),
                stretch.numbers.0.into(),
                stretch.numbers.1.into(),
                int(&self.until.position).into(),
                self.until.effective_at.into(),
                self.since.into(),
            ]
        };
        stretches.iter().map(asked).collect()
    }
}
