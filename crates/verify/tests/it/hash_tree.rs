//! The hash tree, and proofs over it: published values, and every pair up to 256.

use quipu_verify::{Hash, ProofError, Tree, leaf_hash, verify_consistency, verify_inclusion};
use serde_json::Value;

use crate::support::Reference;

/// The leaves of Certificate Transparency's own tests, their roots, and all proofs up to size 8.
const VECTORS: &str = include_str!("../../vectors/hash-tree.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    let digits = (0..hex.len() / 2).map(|index| &hex[2 * index..2 * index + 2]);
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

fn hash(hex: &Value) -> Hash {
    Hash(bytes(hex).try_into().unwrap())
}

fn hashes(list: &Value) -> Vec<Hash> {
    list.as_array().unwrap().iter().map(hash).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

#[test]
fn the_published_roots_come_out() {
    let vectors = vectors();
    let mut tree = Tree::default();
    let mut roots = vec![tree.root()];
    for leaf in vectors["leaves"].as_array().unwrap() {
        tree.push(&bytes(leaf));
        roots.push(tree.root());
    }
    assert_eq!(roots, hashes(&vectors["roots"]));
    let known = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
    assert_eq!(roots[8].to_string(), known, "as RFC 6962's authors published it");
}

#[test]
fn the_published_proofs_hold() {
    let vectors = vectors();
    let roots = hashes(&vectors["roots"]);
    let root = |size: &Value| roots[usize::try_from(number(size)).unwrap()];
    for proof in vectors["inclusion"].as_array().unwrap() {
        let (index, size) = (&proof["index"], &proof["size"]);
        let leaf = leaf_hash(&bytes(&vectors["leaves"][usize::try_from(number(index)).unwrap()]));
        let path = hashes(&proof["path"]);
        let verified = verify_inclusion(leaf, number(index), number(size), &path, root(size));
        assert_eq!(verified, Ok(()), "{proof}");
    }
    for proof in vectors["consistency"].as_array().unwrap() {
        let (old, new) = (&proof["old"], &proof["new"]);
        let path = hashes(&proof["path"]);
        let verified = verify_consistency(number(old), root(old), number(new), root(new), &path);
        assert_eq!(verified, Ok(()), "{proof}");
    }
}

/// Sizes up to this are tried exhaustively.
const MOST: usize = 256;
/// Up to this, everything that is wrong with a proof is tried as well.
const MOST_FORGED: usize = 48;

fn tree() -> Reference {
    Reference::new((0..MOST).map(|leaf| format!("leaf {leaf}").into_bytes()))
}

#[test]
fn the_growing_tree_is_the_defined_one() {
    let mut reference = tree();
    let mut tree = Tree::default();
    for size in 0..=MOST {
        assert_eq!(tree.root(), reference.root(size), "size {size}");
        tree.push(format!("leaf {size}").as_bytes());
    }
}

#[test]
fn every_leaf_of_every_tree_up_to_256_is_included_and_nothing_else() {
    let mut tree = tree();
    for size in 1..=MOST {
        let root = tree.root(size);
        for index in 0..size {
            let path = tree.inclusion(index, size);
            let leaf = tree.leaf(index);
            let verify = |index: usize, path: &[Hash], leaf, root| {
                verify_inclusion(leaf, index as u64, size as u64, path, root)
            };
            assert_eq!(verify(index, &path, leaf, root), Ok(()), "{index} in {size}");
            if size > MOST_FORGED {
                continue;
            }
            for other in (0..=size).filter(|other| *other != index) {
                assert!(verify(other, &path, leaf, root).is_err(), "{index} as {other} in {size}");
            }
            assert!(verify(index, &path, tree.leaf((index + 1) % MOST), root).is_err());
            assert!(verify(index, &path, leaf, tree.leaf(index)).is_err() || size == 1);
            for forged in forgeries(&path) {
                assert!(verify(index, &forged, leaf, root).is_err(), "{index} in {size}");
            }
        }
    }
}

#[test]
fn every_tree_up_to_256_grows_into_every_later_one_and_no_other() {
    let mut tree = tree();
    for new in 0..=MOST {
        let new_root = tree.root(new);
        for old in 0..=new {
            let (old_root, path) = (tree.root(old), tree.consistency(old, new));
            let verify = |old: usize, old_root, new_root, path: &[Hash]| {
                verify_consistency(old as u64, old_root, new as u64, new_root, path)
            };
            assert_eq!(verify(old, old_root, new_root, &path), Ok(()), "{old} to {new}");
            if new > MOST_FORGED {
                continue;
            }
            for other in (0..=new + 1).filter(|other| *other != old) {
                assert!(verify(other, old_root, new_root, &path).is_err(), "{old} as {other}");
            }
            let another = tree.leaf(MOST - 1);
            assert!(verify(old, another, new_root, &path).is_err());
            assert!(verify(old, old_root, another, &path).is_err() || old == 0);
            for forged in forgeries(&path) {
                assert!(verify(old, old_root, new_root, &forged).is_err(), "{old} to {new}");
            }
        }
    }
}

/// A path with one bit wrong, one hash less, one more, or two swapped.
fn forgeries(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut forged: Vec<Vec<Hash>> = Vec::new();
    for index in 0..path.len() {
        let mut flipped = path.to_vec();
        flipped[index].0[index % 32] ^= 1;
        forged.push(flipped);
        let mut shorter = path.to_vec();
        shorter.remove(index);
        forged.push(shorter);
        if index > 0 {
            let mut swapped = path.to_vec();
            swapped.swap(index - 1, index);
            forged.push(swapped);
        }
    }
    forged.push([path, &[leaf_hash(b"one more")]].concat());
    forged
}

#[test]
fn what_is_wrong_with_a_proof_is_said() {
    let mut tree = tree();
    let (root, path) = (tree.root(8), tree.inclusion(2, 8));
    let leaf = tree.leaf(2);
    assert_eq!(
        verify_inclusion(leaf, 8, 8, &path, root),
        Err(ProofError::NoSuchLeaf { index: 8, size: 8 })
    );
    assert_eq!(verify_inclusion(leaf, 2, 8, &path[..2], root), Err(ProofError::WrongLength(2)));
    assert_eq!(
        verify_inclusion(leaf, 2, 8, &path, leaf),
        Err(ProofError::OtherRoot(root)),
        "the root that it leads to is named"
    );
    assert_eq!(
        verify_consistency(9, root, 8, root, &[]),
        Err(ProofError::Shrunk { old: 9, new: 8 })
    );
}
