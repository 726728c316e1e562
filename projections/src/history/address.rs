//! Where a node is among the trees of its tenant, and which nodes are above and below it.

use quipu_domain::TenantId;

use crate::cell::int_field;

/// What tells one node from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey {
    /// Whose.
    pub tenant: TenantId,
    /// Where it is among their trees.
    pub address: Address,
}

/// Where a node is among the trees of its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// In which of them.
    pub tree: Tree,
    /// How far above the events: 0 for a leaf.
    pub level: u8,
    /// Its place on its level; for the node that still grows, [`Address::OPEN`].
    pub number: i64,
}

/// One of a tenant's trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tree(u8);

/// The highest level of a tree with 64 branches; its nodes are sums over 64^4 events.
const TOP: u8 = 3;
/// The highest level of a run; it is of 64 * 8^4 events. Longer ones would take too long to sort.
const TOP_OF_RUNS: u8 = 4;

impl Tree {
    /// Events that count in the order in which they stand, or nearly so.
    pub const IN_ORDER: Tree = Tree(0);
    /// The others, as they were kept until version 3 of the projections: asked, and never added to.
    const FORMER_LATE: Tree = Tree(1);
    /// The others as they came, 64 to a leaf.
    pub const LATE: Tree = Tree::of_runs(0);

    /// Late events in runs of 8^level leaves, each sorted by when its events count.
    const fn of_runs(level: u8) -> Tree {
        Tree(2 + level)
    }

    /// How many leaves each run has, as a power of eight.
    const fn run_level(self) -> Option<u8> {
        self.0.checked_sub(2)
    }

    /// Children of a node.
    const fn branches(self) -> i64 {
        if self.run_level().is_some() { 8 } else { 64 }
    }
}

impl NodeKey {
    pub(super) fn open_leaf(tenant: &TenantId, tree: Tree) -> NodeKey {
        let address = Address { tree, level: 0, number: Address::OPEN };
        NodeKey { tenant: tenant.clone(), address }
    }

    /// Another one of the same tenant.
    pub(super) fn at(&self, address: Address) -> NodeKey {
        NodeKey { tenant: self.tenant.clone(), address }
    }
}

impl Address {
    /// The number of the node that still grows: one that no node will have.
    pub const OPEN: i64 = i64::MAX;

    /// From where on, up to the one that grows, there are nodes that are below no other: what
    /// still grows on each level, and all of the highest ones.
    pub(super) fn roots() -> impl Iterator<Item = Address> {
        let from = |tree, level, top| {
            let number = if level == top { 0 } else { Address::OPEN };
            Address { tree, level, number }
        };
        let trees = [Tree::IN_ORDER, Tree::FORMER_LATE].into_iter();
        let of_trees = trees.flat_map(move |tree| (0..=TOP).map(move |at| from(tree, at, TOP)));
        let of_runs = (0..=TOP_OF_RUNS).map(move |at| from(Tree::of_runs(at), at, TOP_OF_RUNS));
        of_trees.chain(of_runs)
    }

    /// What grows above a node that is full; `None` at the top.
    pub(super) fn open_above(self) -> Option<Address> {
        let level = self.level + 1;
        let (tree, top) = match self.tree.run_level() {
            Some(_) => (Tree::of_runs(level), TOP_OF_RUNS),
            None => (self.tree, TOP),
        };
        (level <= top).then_some(Address { tree, level, number: Address::OPEN })
    }

    /// Whether it is of a whole run: what is below it came as it stands there, a shorter run each,
    /// and is there once more, sorted.
    pub(super) fn is_of_run(self) -> bool {
        self.level > 0 && self.tree.run_level() == Some(self.level)
    }

    /// The first child of a node that grows no more, of those that came one after the other.
    pub(super) const fn first_child(self) -> Address {
        match self.tree.run_level() {
            Some(level) if level == self.level => self.first_below(Tree::of_runs(level - 1)),
            _ => self.first_below(self.tree),
        }
    }

    /// The first of those that are sorted.
    pub(super) const fn first_sorted_child(self) -> Address {
        self.first_below(self.tree)
    }

    /// Those that are sorted.
    pub(super) fn sorted_children(self) -> Vec<Address> {
        let first = self.first_sorted_child();
        let numbers = first.number..first.number + self.tree.branches();
        numbers.map(|number| Address { number, ..first }).collect()
    }

    const fn first_below(self, tree: Tree) -> Address {
        Address { tree, level: self.level - 1, number: self.number * self.tree.branches() }
    }

    /// The node above one that is not of a whole run.
    pub(super) const fn parent(self) -> Address {
        Address { level: self.level + 1, number: self.number / self.tree.branches(), ..self }
    }

    /// The leaves that hold the events below it, and lead to the sorted ones.
    pub(super) fn leaves_that_came(self) -> impl Iterator<Item = Address> {
        let tree = self.first_child().tree;
        let count = self.tree.branches().pow(self.level.into());
        let numbers = self.number * count..(self.number + 1) * count;
        numbers.map(move |number| Address { tree, level: 0, number })
    }

    pub(super) const fn is_last_child(self) -> bool {
        (self.number + 1) % self.tree.branches() == 0
    }

    /// How many events a leaf has when it is full, or a node above the leaves children.
    pub(super) const fn most_children(self) -> i64 {
        if self.level == 0 { 64 } else { self.tree.branches() }
    }
}

impl From<Tree> for i64 {
    fn from(tree: Tree) -> i64 {
        tree.0.into()
    }
}

int_field! {
    Tree: |tree| (*tree).into(), |number| u8::try_from(number).ok().map(Tree);
}
