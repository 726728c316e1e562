//! Inclusion and consistency proofs, checked as RFC 9162 describes (2.1.3.2 and 2.1.4.2).

use crate::hash::{Hash, Tree, node_hash};

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The tree has no such leaf.
    #[error("there is no index {index} in a tree of {size}")]
    NoSuchLeaf {
        /// The index asked for, from 0.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// A tree does not shrink.
    #[error("a tree of {old} cannot have grown into one of {new}")]
    Shrunk {
        /// Size of the older tree.
        old: u64,
        /// Size of the newer tree.
        new: u64,
    },
    /// Fewer or more hashes than a path through a tree of this size has.
    #[error("the proof has {0} hashes, which is not what a tree of this size needs")]
    WrongLength(usize),
    /// The path leads to a root that is not the tree's.
    #[error("the proof leads to another root: {0}")]
    OtherRoot(Hash),
    /// The path does not begin in the older tree.
    #[error("the proof does not follow from the older root: it leads to {0}")]
    OtherOldRoot(Hash),
}

/// Checks that `leaf` is at `index` (from 0) in the tree of `size` with `root`.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::WrongLength(path.len()));
        }
        if is_right(node) || node == last {
            hash = node_hash(sibling, &hash);
            skip_missing_levels(&mut node, &mut last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match last {
        0 if hash == root => Ok(()),
        0 => Err(ProofError::OtherRoot(hash)),
        _ => Err(ProofError::WrongLength(path.len())),
    }
}

/// Checks that the tree of `new_size` with `new_root` begins with the one of `old_size` with
/// `old_root`: that nothing was changed or taken away, only added.
pub fn verify_consistency(
    old_size: u64,
    old_root: Hash,
    new_size: u64,
    new_root: Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrunk { old: old_size, new: new_size });
    }
    if old_size == 0 || old_size == new_size {
        return same_or_empty(old_size, old_root, new_root, path);
    }
    let wrong_length = ProofError::WrongLength(path.len());
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while is_right(node) {
        (node, last) = (node >> 1, last >> 1);
    }
    // A complete older tree is itself a node of the newer one, so the proof does not repeat it.
    let (first, rest) = match path.split_first() {
        Some(_) if old_size.is_power_of_two() => (old_root, path),
        Some((first, rest)) => (*first, rest),
        None => return Err(wrong_length),
    };
    let (mut old, mut new) = (first, first);
    for hash in rest {
        if last == 0 {
            return Err(wrong_length);
        }
        if is_right(node) || node == last {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            skip_missing_levels(&mut node, &mut last);
        } else {
            new = node_hash(&new, hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match last {
        0 if old != old_root => Err(ProofError::OtherOldRoot(old)),
        0 if new != new_root => Err(ProofError::OtherRoot(new)),
        0 => Ok(()),
        _ => Err(wrong_length),
    }
}

/// Nothing needs proving between equal trees, nor from the empty one.
fn same_or_empty(
    old_size: u64,
    old_root: Hash,
    new_root: Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    let expected = if old_size == 0 { Tree::default().root() } else { new_root };
    if !path.is_empty() {
        return Err(ProofError::WrongLength(path.len()));
    }
    if old_root == expected { Ok(()) } else { Err(ProofError::OtherOldRoot(expected)) }
}

const fn is_right(node: u64) -> bool {
    node & 1 == 1
}

/// On the right edge, a node without a sibling is its own parent.
fn skip_missing_levels(node: &mut u64, last: &mut u64) {
    while !is_right(*node) && *node != 0 {
        (*node, *last) = (*node >> 1, *last >> 1);
    }
}
