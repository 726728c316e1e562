//! What stood at a moment, in both times: sums over a tenant's trees.

use quipu_database::{Connection, Value};
use quipu_domain::{Position, TenantId};
use quipu_projections::{Book, Node, NodeKey, Subject, Sums, Until, UsageSums};

use super::int;
use crate::{ViewsError, cells};

/// Nodes of a level, those that may hold something within the bounds.
macro_rules! nodes_of {
    ($table:literal) => {
        concat!(
            "SELECT * FROM ",
            $table,
            " WHERE tenant = $1 AND is_late = $2 AND level = $3 AND number >= $4 AND number <= $5 \
             AND first_position <= $6 AND earliest_effective_at <= $7 \
             AND latest_effective_at >= $8 ORDER BY number"
        )
    };
}

/// A subject whose trees are in the database.
pub(super) trait Stored: Subject {
    /// The statement that finds nodes.
    const NODES: &'static str;
}

impl Stored for Book {
    const NODES: &'static str = nodes_of!("book_history");
}

impl Stored for UsageSums {
    const NODES: &'static str = nodes_of!("usage_history");
}

/// What a tenant's events up to a position and a moment add up to. Nodes of which everything
/// counts before `since`, in micros, are left out.
pub(super) fn sums<S: Stored>(
    connection: &mut Connection,
    tenant: &TenantId,
    until: &Until,
    since: i64,
) -> Result<Sums<S>, ViewsError> {
    let mut sums = Sums::default();
    for is_late in [false, true] {
        let mut tree = Tree { connection, tenant, is_late, until, since, sums: &mut sums };
        tree.add(NodeKey::TOP, (0, NodeKey::OPEN))?;
        // What still grows on a lower level is in no node above it yet.
        for level in 0..NodeKey::TOP {
            tree.add(level, (NodeKey::OPEN, NodeKey::OPEN))?;
        }
    }
    Ok(sums)
}

/// Between which positions a tenant's wallet events stand that are within the bounds and do not
/// count before `since`, in micros; `None` where there are none.
pub(super) fn ends(
    connection: &mut Connection,
    tenant: &TenantId,
    until: &Until,
    since: i64,
) -> Result<Option<(Position, Position)>, ViewsError> {
    let mut ends: Option<(Position, Position)> = None;
    for is_late in [false, true] {
        let mut sums = Sums::<Book>::default();
        let mut tree = Tree { connection, tenant, is_late, until, since, sums: &mut sums };
        let first = tree.end(End::First)?;
        let last = tree.end(End::Last)?;
        if let Some((first, last)) = first.zip(last) {
            let (before, after) = ends.unwrap_or((first, last));
            ends = Some((before.min(first), after.max(last)));
        }
    }
    Ok(ends)
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

    fn further(self, a: Position, b: Position) -> Position {
        match self {
            End::First => a.min(b),
            End::Last => a.max(b),
        }
    }
}

/// A walk through one tree.
struct Tree<'a, S: Subject> {
    connection: &'a mut Connection,
    tenant: &'a TenantId,
    is_late: bool,
    until: &'a Until,
    since: i64,
    sums: &'a mut Sums<S>,
}

impl<S: Stored> Tree<'_, S> {
    /// Adds nodes of a level, and goes down into those of which only a part is within the bounds.
    fn add(&mut self, level: u8, numbers: (i64, i64)) -> Result<(), ViewsError> {
        for node in self.nodes(level, numbers)? {
            if level == 0 || node.is_within(self.until) {
                node.add_to(self.sums, self.until)?;
            } else {
                self.add(level - 1, node.child_numbers())?;
            }
        }
        Ok(())
    }

    /// The end of the events that the question is about.
    fn end(&mut self, end: End) -> Result<Option<Position>, ViewsError> {
        let mut found = self.end_in(end, NodeKey::TOP, (0, NodeKey::OPEN))?;
        for level in 0..NodeKey::TOP {
            let open = self.end_in(end, level, (NodeKey::OPEN, NodeKey::OPEN))?;
            found = match (found, open) {
                (Some(found), Some(open)) => Some(end.further(found, open)),
                (found, open) => found.or(open),
            };
        }
        Ok(found)
    }

    /// Nodes stand in the order of their events, but for late leaves, which are sorted by when
    /// their events count.
    fn end_in(
        &mut self,
        end: End,
        level: u8,
        numbers: (i64, i64),
    ) -> Result<Option<Position>, ViewsError> {
        let mut nodes = self.nodes(level, numbers)?;
        if end == End::Last {
            nodes.reverse();
        }
        let mut found: Option<Position> = None;
        for node in nodes {
            let all = node.earliest_effective_at.micros() >= self.since;
            let here = if all && node.is_within(self.until) {
                Some(end.of((node.first_position, node.last_position)))
            } else if level == 0 {
                node.ends(self.until, self.since)?.map(|ends| end.of(ends))
            } else {
                self.end_in(end, level - 1, node.child_numbers())?
            };
            let Some(here) = here else { continue };
            found = Some(found.map_or(here, |found| end.further(found, here)));
            if level > 0 || !self.is_late {
                break;
            }
        }
        Ok(found)
    }

    /// The nodes of a level with these numbers that may hold something within the bounds.
    fn nodes(&mut self, level: u8, (first, last): (i64, i64)) -> Result<Vec<Node<S>>, ViewsError> {
        let params: [Value; 8] = [
            self.tenant.as_str().into(),
            i64::from(self.is_late).into(),
            i64::from(level).into(),
            first.into(),
            last.into(),
            int(&self.until.position).into(),
            self.until.effective_at.into(),
            self.since.into(),
        ];
        let rows = self.connection.query(S::NODES, &params)?;
        rows.iter().map(cells::typed::<Node<S>>).collect()
    }
}
