//! How a tenant's trees take the next event in.

use quipu_domain::{Recorded, TenantId};

use super::node::{Line, Order};
use super::{BRANCHES, Node, NodeKey, Subject, Sums, Until};
use crate::{ProjectionError, Rows};

/// How far ahead an event may be dated and still be in order: as far as usage may (U1), for
/// clocks that differ.
const AHEAD_SECONDS: i64 = 300;

/// Adds what an event adds.
pub(crate) fn record<S: Subject>(
    rows: &mut Rows,
    tenant: &TenantId,
    event: &Recorded,
    parts: &[(S::Key, S::Amounts)],
) -> Result<(), ProjectionError> {
    let key = NodeKey::open(tenant, is_late::<S>(rows, tenant, event)?, 0);
    let fresh = || Node::<S>::empty(key.clone(), 0, Order::NONE);
    let leaf = rows.edit_or(&key, fresh)?;
    if !leaf.is_full() {
        leaf.add_event(event, parts);
        return Ok(());
    }
    let next = Node::empty(key.clone(), leaf.place + 1, leaf.next_order());
    let full = std::mem::replace(leaf, next);
    leaf.add_event(event, parts);
    close(full, rows)
}

/// Asks for the rows that [`record`] may need: of thousands of tenants, most need only a leaf.
pub(crate) fn prepare<S: Subject>(tenant: &TenantId, event: &Recorded, rows: &mut Rows) {
    rows.want::<Node<S>>(NodeKey::open(tenant, false, 0));
    let is_late = is_late::<S>(rows, tenant, event).unwrap_or(false);
    for level in 0..=NodeKey::TOP {
        let key = NodeKey::open(tenant, is_late, level);
        rows.want::<Node<S>>(key.clone());
        // The first node of a level has no parent yet.
        let has_parent = matches!(rows.get::<Node<S>>(&key), Ok(Some(node)) if node.place > 0);
        if !has_parent {
            break;
        }
    }
    let open = |level| rows.get::<Node<S>>(&NodeKey::open(tenant, is_late, level));
    if let (Ok(Some(leaf)), Ok(Some(parent))) = (open(0), open(1))
        && leaf.is_full()
        && is_to_sort(leaf, parent)
    {
        siblings_before(leaf).into_iter().for_each(|key| rows.want::<Node<S>>(key));
    }
}

/// Whether an event counts out of order: before what stands some thousands of events before it,
/// or ahead of its time.
fn is_late<S: Subject>(
    rows: &Rows,
    tenant: &TenantId,
    event: &Recorded,
) -> Result<bool, ProjectionError> {
    let effective_at = event.effective_at();
    if effective_at > event.recorded_at.plus_seconds(AHEAD_SECONDS) {
        return Ok(true);
    }
    let open = rows.get::<Node<S>>(&NodeKey::open(tenant, false, 0))?;
    Ok(open.is_some_and(|leaf| effective_at.micros() < leaf.order.floor))
}

/// A full node is put away under its own number, and its parent takes it in.
fn close<S: Subject>(full: Node<S>, rows: &mut Rows) -> Result<(), ProjectionError> {
    let mut full = full.closed();
    let mut is_to_be_sorted = false;
    if full.level() < NodeKey::TOP {
        let key = NodeKey::open(&full.key.tenant, full.key.is_late, full.level() + 1);
        if full.place == 0 {
            rows.put(Node::<S>::empty(key.clone(), 0, Order::NONE));
        }
        let parent = rows.edit::<Node<S>>(&key)?;
        is_to_be_sorted = is_to_sort(&full, parent);
        if parent.is_full() {
            let next = Node::empty(key.clone(), parent.place + 1, Order::NONE);
            let full_parent = std::mem::replace(parent, next);
            parent.add_child(&mut full)?;
            close(full_parent, rows)?;
        } else {
            parent.add_child(&mut full)?;
        }
    }
    if is_to_be_sorted {
        return sort(full, rows);
    }
    rows.put(full);
    Ok(())
}

/// Whether a leaf is the last of its parent, and leaves are out of order in that.
fn is_to_sort<S: Subject>(leaf: &Node<S>, parent: &Node<S>) -> bool {
    leaf.level() == 0 && is_last_of_parent(leaf) && parent.is_disordered_by(leaf)
}

/// Sorts the events of leaves by when they count: a question then goes down into one of their
/// parent's leaves, and not into all.
fn sort<S: Subject>(last: Node<S>, rows: &mut Rows) -> Result<(), ProjectionError> {
    let mut lines: Vec<Line<S>> = Vec::new();
    let keys = siblings_before(&last);
    let mut take = |line: &Line<S>| {
        lines.push(line.clone());
        Ok(())
    };
    for key in &keys {
        let missing = || ProjectionError::MissingRow { table: S::TABLE, key: format!("{key:?}") };
        rows.get::<Node<S>>(key)?.ok_or_else(missing)?.each_line(&mut take)?;
    }
    last.each_line(&mut take)?;
    lines.sort_by_key(|line| (line.effective_at, line.position));
    let per_leaf = usize::try_from(BRANCHES).unwrap_or(usize::MAX);
    let keys = keys.into_iter().chain([last.key.clone()]);
    let parent = NodeKey::open(&last.key.tenant, last.key.is_late, 1);
    let mut children = Vec::with_capacity(per_leaf);
    let mut before = Sums::default();
    for (key, lines) in keys.zip(lines.chunks(per_leaf)) {
        let place = key.number;
        let mut leaf = Node::of_lines(key, place, Order::NONE, lines);
        leaf.note_before(&before);
        leaf.add_to(&mut before, &Until::EVERYTHING)?;
        children.push(leaf.as_child());
        rows.put(leaf);
    }
    rows.edit::<Node<S>>(&parent)?.know(&children);
    Ok(())
}

fn is_last_of_parent<S: Subject>(node: &Node<S>) -> bool {
    (node.place + 1) % BRANCHES == 0
}

/// The other leaves of a last leaf's parent.
fn siblings_before<S: Subject>(last: &Node<S>) -> Vec<NodeKey> {
    let numbers = last.place + 1 - BRANCHES..last.place;
    numbers.map(|number| NodeKey { number, level: 0, ..last.key.clone() }).collect()
}

impl<S: Subject> Node<S> {
    /// What the leaf after this one goes by: after each 64 leaves the floor rises to what was the
    /// highest begin of a leaf 64 leaves before. A leaf begins where its first event counts: so a
    /// few events of today do not make history that is recorded after them late.
    fn next_order(&self) -> Order {
        self.order.after(self.span.earliest_effective_at, is_last_of_parent(self))
    }
}
