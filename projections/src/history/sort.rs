//! Nodes whose events are sorted by when those count: a question goes down into one of them, and
//! not into all.

use super::address::{Address, NodeKey};
use super::node::Line;
use super::{Node, Subject};
use crate::{ProjectionError, Rows};

/// Sorts the leaves of a parent, which has taken its last one in: they take each other's places.
pub(super) fn siblings<S: Subject>(last: Node<S>, rows: &mut Rows) -> Result<(), ProjectionError> {
    let parent = last.key.at(last.address().parent());
    rows.put(last);
    let sorted = sorted::<S>(&parent, rows)?;
    let open = parent.at(Address { number: Address::OPEN, ..parent.address });
    rows.edit::<Node<S>>(&open)?.know_resorted(sorted)
}

/// Writes the events of a run down once more, sorted: a tree below the run, in which it knows its
/// children.
pub(super) fn run<S: Subject>(run: &mut Node<S>, rows: &mut Rows) -> Result<(), ProjectionError> {
    let sorted = sorted::<S>(&run.key, rows)?;
    run.know_sorted(sorted)
}

/// Makes the nodes below a place, sorted, of the events that came below it, and what would stand
/// at the place itself.
fn sorted<S: Subject>(top: &NodeKey, rows: &mut Rows) -> Result<Node<S>, ProjectionError> {
    let mut lines: Vec<Line<S>> = Vec::new();
    for leaf in top.address.leaves_that_came() {
        let key = top.at(leaf);
        let missing = || ProjectionError::MissingRow { table: S::TABLE, key: format!("{key:?}") };
        rows.get::<Node<S>>(&key)?.ok_or_else(missing)?.each_line(|line| {
            lines.push(line.clone());
            Ok(())
        })?;
    }
    lines.sort_by_key(|line| (line.effective_at, line.position));
    node_of(top, &lines, rows)
}

fn node_of<S: Subject>(
    key: &NodeKey,
    lines: &[Line<S>],
    rows: &mut Rows,
) -> Result<Node<S>, ProjectionError> {
    if key.address.level == 0 {
        return Ok(Node::of_lines(key.clone(), lines));
    }
    let children = key.address.sorted_children();
    let lines_of_each = lines.chunks(lines.len() / children.len());
    let children = children.into_iter().zip(lines_of_each);
    let children = children.map(|(address, lines)| node_of(&key.at(address), lines, rows));
    let mut children = children.collect::<Result<Vec<_>, _>>()?;
    let node = Node::above(key.clone(), &mut children)?;
    children.into_iter().for_each(|child| rows.put(child));
    Ok(node)
}
