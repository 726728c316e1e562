//! How a tenant's trees take the next event in.

use quipu_domain::{Recorded, TenantId};

use super::address::{Address, NodeKey, Tree};
use super::node::Order;
use super::{Node, Subject, sort};
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
    let key = NodeKey::open_leaf(tenant, tree_of::<S>(rows, tenant, event)?);
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
    rows.want::<Node<S>>(NodeKey::open_leaf(tenant, Tree::IN_ORDER));
    let tree = tree_of::<S>(rows, tenant, event).unwrap_or(Tree::IN_ORDER);
    let mut key = NodeKey::open_leaf(tenant, tree);
    let mut closes = true;
    loop {
        rows.want::<Node<S>>(key.clone());
        let Ok(Some(node)) = rows.get::<Node<S>>(&key) else { return };
        closes &= node.is_full();
        let address = node.closed_address();
        if closes && address.is_of_run() {
            want_leaves::<S>(&key, address, rows);
        }
        // The first node of a level has no parent yet.
        let Some(above) = address.open_above().filter(|_| address.number > 0) else { break };
        key = key.at(above);
    }
    let leaf = NodeKey::open_leaf(tenant, tree);
    if let Some(above) = leaf.address.open_above()
        && let Ok(Some(leaf)) = rows.get::<Node<S>>(&leaf)
        && let Ok(Some(parent)) = rows.get::<Node<S>>(&leaf.key.at(above))
        && leaf.is_full()
        && is_to_sort(leaf, parent)
    {
        want_leaves::<S>(&leaf.key.clone(), leaf.closed_address().parent(), rows);
    }
}

fn want_leaves<S: Subject>(key: &NodeKey, above: Address, rows: &mut Rows) {
    above.leaves_that_came().for_each(|leaf| rows.want::<Node<S>>(key.at(leaf)));
}

/// The tree of an event. It is late where it counts out of order: before what stands some
/// thousands of events before it, or ahead of its time.
fn tree_of<S: Subject>(
    rows: &Rows,
    tenant: &TenantId,
    event: &Recorded,
) -> Result<Tree, ProjectionError> {
    let effective_at = event.effective_at();
    if effective_at > event.recorded_at.plus_seconds(AHEAD_SECONDS) {
        return Ok(Tree::LATE);
    }
    let leaf = rows.get::<Node<S>>(&NodeKey::open_leaf(tenant, Tree::IN_ORDER))?;
    let is_late = leaf.is_some_and(|leaf| effective_at.micros() < leaf.order.floor);
    Ok(if is_late { Tree::LATE } else { Tree::IN_ORDER })
}

/// A full node is put away under its own number, and its parent takes it in.
fn close<S: Subject>(full: Node<S>, rows: &mut Rows) -> Result<(), ProjectionError> {
    let mut full = full.closed();
    if full.address().is_of_run() {
        sort::run(&mut full, rows)?;
    }
    let mut is_to_be_sorted = false;
    if let Some(above) = full.address().open_above() {
        let key = full.key.at(above);
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
        return sort::siblings(full, rows);
    }
    rows.put(full);
    Ok(())
}

/// Whether a leaf is the last of its parent, and leaves are out of order in that. Late ones are
/// sorted by runs.
fn is_to_sort<S: Subject>(leaf: &Node<S>, parent: &Node<S>) -> bool {
    let address = leaf.closed_address();
    address.level == 0
        && address.tree == Tree::IN_ORDER
        && address.is_last_child()
        && parent.is_disordered_by(leaf)
}

impl<S: Subject> Node<S> {
    /// What the leaf after this one goes by: after each 64 leaves the floor rises to what was the
    /// highest begin of a leaf 64 leaves before. A leaf begins where its first event counts: so a
    /// few events of today do not make history that is recorded after them late.
    fn next_order(&self) -> Order {
        let rises = self.closed_address().is_last_child();
        self.order.after(self.span.earliest_effective_at, rises)
    }
}
