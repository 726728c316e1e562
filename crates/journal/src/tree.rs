//! The RFC 6962 hash tree, kept as its right edge.

use sha2::{Digest, Sha256};

use crate::Root;

/// A hash tree that only grows: one hash per complete subtree (a *peak*), largest first. That is
/// all it takes to add leaves and to give the tree head; the leaves themselves are in the journal.
///
/// ```
/// use quipu_journal::{Root, Tree};
/// let mut tree = Tree::default();
/// assert_eq!(tree.root(), Root::empty());
/// tree.push(b"");
/// assert!(tree.root().to_string().starts_with("6e340b9c"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    leaves: u64,
    peaks: Vec<Root>,
}

impl Tree {
    /// A tree of so many leaves from its peaks; `None` when their number does not fit.
    #[must_use]
    pub fn from_peaks(leaves: u64, peaks: Vec<Root>) -> Option<Tree> {
        (leaves.count_ones() as usize == peaks.len()).then_some(Tree { leaves, peaks })
    }

    /// How many leaves it has.
    #[must_use]
    pub const fn leaves(&self) -> u64 {
        self.leaves
    }

    /// Its right edge: one hash per complete subtree, largest first.
    #[must_use]
    pub fn peaks(&self) -> &[Root] {
        &self.peaks
    }

    /// Adds a leaf: the exact bytes of an event.
    pub fn push(&mut self, leaf: &[u8]) {
        self.push_hash(leaf_hash(leaf));
    }

    /// Adds a leaf by its [`leaf_hash`].
    pub fn push_hash(&mut self, mut hash: Root) {
        // A subtree completes for every trailing one-bit of the old size.
        for _ in 0..self.leaves.trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for every one-bit of the size");
            hash = node_hash(&left, &hash);
        }
        self.peaks.push(hash);
        self.leaves += 1;
    }

    /// The tree head over all leaves.
    #[must_use]
    pub fn root(&self) -> Root {
        let mut from_the_right = self.peaks.iter().rev().copied();
        match from_the_right.next() {
            None => Root::empty(),
            Some(last) => from_the_right.fold(last, |right, left| node_hash(&left, &right)),
        }
    }
}

/// SHA-256(0x00 || leaf): the first byte keeps leaves and nodes apart.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Root {
    Root(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

/// SHA-256(0x01 || left || right): the node above two others.
#[must_use]
pub fn node_hash(left: &Root, right: &Root) -> Root {
    Root(
        Sha256::new()
            .chain_update([1])
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of RFC 6962, 2.1, as it is written there.
    fn merkle_tree_hash(leaves: &[Vec<u8>]) -> Root {
        match leaves {
            [] => Root::empty(),
            [leaf] => leaf_hash(leaf),
            _ => {
                let half = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(half);
                node_hash(&merkle_tree_hash(left), &merkle_tree_hash(right))
            }
        }
    }

    #[test]
    fn gives_the_published_tree_heads() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut tree = Tree::default();
        let heads: Vec<String> = std::iter::once(tree.root())
            .chain(leaves.into_iter().map(|leaf| {
                tree.push(leaf);
                tree.root()
            }))
            .map(|root| root.to_string())
            .collect();
        assert_eq!(heads[0], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(heads[1], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(heads[3], "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
        assert_eq!(heads[7], "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c");
        assert_eq!(heads[8], "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    proptest! {
        #[test]
        fn equals_the_recursive_definition(
            leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..8), 0..200),
        ) {
            let mut tree = Tree::default();
            for leaf in &leaves {
                tree.push(leaf);
            }
            prop_assert_eq!(tree.root(), merkle_tree_hash(&leaves));
            let again = Tree::from_peaks(tree.leaves(), tree.peaks().to_vec());
            prop_assert_eq!(again, Some(tree));
        }
    }
}
