//! Inclusion and consistency proofs, as RFC 6962 defines them, over hashes of complete subtrees.

use quipu_journal::{Root, node_hash};

/// Where hashes of a tree come from.
pub trait Subtrees {
    /// Why there is none.
    type Error;

    /// The hash over the `2^level` leaves from leaf `index * 2^level` on.
    fn subtree(&mut self, level: u32, index: u64) -> Result<Root, Self::Error>;
}

/// The tree head over the first `size` leaves.
pub fn root<S: Subtrees>(subtrees: &mut S, size: u64) -> Result<Root, S::Error> {
    if size == 0 { Ok(Root::empty()) } else { range(subtrees, 0, size) }
}

/// RFC 6962, 2.1.1: the hashes that lead from a leaf to the tree head, the leaf's sibling first.
///
/// # Panics
/// When there is no such leaf in a tree of that size.
pub fn inclusion<S: Subtrees>(
    subtrees: &mut S,
    index: u64,
    size: u64,
) -> Result<Vec<Root>, S::Error> {
    assert!(index < size, "leaf {index} in a tree of {size}");
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    // From the root down; each step leaves the other half behind.
    while end - start > 1 {
        let split = start + left_half(end - start);
        if index < split {
            path.push(range(subtrees, split, end)?);
            end = split;
        } else {
            path.push(range(subtrees, start, split)?);
            start = split;
        }
    }
    path.reverse();
    Ok(path)
}

/// RFC 6962, 2.1.2: the hashes that show that the tree of `size` leaves begins with that of `old`.
/// Empty where `old` is 0 or `size`.
///
/// # Panics
/// When `old` is larger than `size`.
pub fn consistency<S: Subtrees>(
    subtrees: &mut S,
    old: u64,
    size: u64,
) -> Result<Vec<Root>, S::Error> {
    assert!(old <= size, "a tree of {old} in one of {size}");
    let mut path = Vec::new();
    if old == 0 {
        return Ok(path);
    }
    let (mut start, mut end) = (0, size);
    while old != end {
        let split = start + left_half(end - start);
        if old <= split {
            path.push(range(subtrees, split, end)?);
            end = split;
        } else {
            path.push(range(subtrees, start, split)?);
            start = split;
        }
    }
    // Whoever holds the old tree knows its root already.
    if start > 0 {
        path.push(range(subtrees, start, end)?);
    }
    path.reverse();
    Ok(path)
}

/// RFC 9162, 2.1.4.2: whether a proof shows that the tree of `size` leaves with `root` begins with
/// the one of `old` leaves with `old_root`.
#[must_use]
pub fn verify_consistency(
    (old, old_root): (u64, &Root),
    (size, root): (u64, &Root),
    proof: &[Root],
) -> bool {
    if old == 0 || old == size {
        return proof.is_empty() && old <= size && (old == 0 || old_root == root);
    }
    if old > size {
        return false;
    }
    let mut hashes = proof.iter();
    // A complete old tree is a node of the new one, so its root is where the path begins.
    let first = if old.is_power_of_two() { Some(old_root) } else { hashes.next() };
    let Some(&first) = first else { return false };
    let shift = (old - 1).trailing_ones();
    let (mut old_node, mut node) = ((old - 1) >> shift, (size - 1) >> shift);
    let (mut old_found, mut found) = (first, first);
    for hash in hashes {
        if node == 0 {
            return false;
        }
        if old_node & 1 == 1 || old_node == node {
            old_found = node_hash(hash, &old_found);
            found = node_hash(hash, &found);
            let up = if old_node & 1 == 1 { 0 } else { old_node.trailing_zeros() };
            (old_node, node) = (old_node >> up, node >> up);
        } else {
            found = node_hash(&found, hash);
        }
        (old_node, node) = (old_node >> 1, node >> 1);
    }
    node == 0 && old_found == *old_root && found == *root
}

/// The hash over leaves `start` to before `end`. A proof's ranges begin at a multiple of the
/// largest power of two in them, so they fall into complete subtrees.
fn range<S: Subtrees>(subtrees: &mut S, start: u64, end: u64) -> Result<Root, S::Error> {
    let width = end - start;
    if width.is_power_of_two() {
        return subtrees.subtree(width.trailing_zeros(), start / width);
    }
    let split = start + left_half(width);
    let (left, right) = (range(subtrees, start, split)?, range(subtrees, split, end)?);
    Ok(node_hash(&left, &right))
}

/// The largest power of two below a width of at least two.
const fn left_half(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}
