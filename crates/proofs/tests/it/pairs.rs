//! Every inclusion and every consistency proof of every tree up to 256 leaves.

use std::convert::Infallible;

use quipu_journal::{Root, leaf_hash, node_hash};
use quipu_proofs::{Subtrees, consistency, inclusion, root, verify_consistency};
use tlog_tiles::{check_record, check_tree};

use crate::support::{all_foreign, foreign};

/// Every complete subtree, by the definition: a level of hashes over the level below.
struct Leaves(Vec<Vec<Root>>);

impl Leaves {
    fn numbered(count: u64) -> Leaves {
        let leaves = (0..count).map(|number| leaf_hash(number.to_string().as_bytes()));
        let mut levels: Vec<Vec<Root>> = vec![leaves.collect()];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let pairs = below.chunks_exact(2);
            levels.push(pairs.map(|pair| node_hash(&pair[0], &pair[1])).collect());
        }
        Leaves(levels)
    }
}

impl Subtrees for Leaves {
    type Error = Infallible;

    fn subtree(&mut self, level: u32, index: u64) -> Result<Root, Infallible> {
        Ok(self.0[level as usize][usize::try_from(index).unwrap()])
    }
}

/// Proofs of larger trees are the same recursion; the environment can ask for them.
fn most_leaves() -> u64 {
    std::env::var("QUIPU_TEST_LEAVES").map_or(256, |leaves| leaves.parse().unwrap())
}

#[test]
fn every_leaf_is_proved_to_be_in_every_tree() {
    let mut leaves = Leaves::numbered(most_leaves());
    for size in 1..=most_leaves() {
        let Ok(head) = root(&mut leaves, size);
        for index in 0..size {
            let Ok(proof) = inclusion(&mut leaves, index, size);
            let leaf = leaves.0[0][usize::try_from(index).unwrap()];
            let (mut proof, head, leaf) = (all_foreign(&proof), foreign(head), foreign(leaf));
            check_record(&proof, size, head, index, leaf).unwrap();
            let another = (index + 1) % size;
            assert!(size == 1 || check_record(&proof, size, head, another, leaf).is_err());
            if let Some(hash) = proof.last_mut() {
                hash.0[31] ^= 1;
                assert!(check_record(&proof, size, head, index, leaf).is_err());
            }
        }
    }
}

#[test]
fn every_tree_is_proved_to_continue_every_older_one() {
    let mut leaves = Leaves::numbered(most_leaves());
    let heads: Vec<Root> = (0..=most_leaves())
        .map(|size| {
            let Ok(head) = root(&mut leaves, size);
            head
        })
        .collect();
    let head = |size: u64| &heads[usize::try_from(size).unwrap()];
    for size in 1..=most_leaves() {
        for old in 1..=size {
            let Ok(mut proof) = consistency(&mut leaves, old, size);
            let foreign_proof = all_foreign(&proof);
            check_tree(&foreign_proof, size, foreign(*head(size)), old, foreign(*head(old)))
                .unwrap();
            let holds = |old_root: &Root, new_root: &Root, proof: &[Root]| {
                verify_consistency((old, old_root), (size, new_root), proof)
            };
            assert!(holds(head(old), head(size), &proof), "{old} in {size}");
            let wrong = leaf_hash(b"another");
            assert!(!holds(&wrong, head(size), &proof), "{old} in {size}");
            assert!(!holds(head(old), &wrong, &proof), "{old} in {size}");
            proof.push(wrong);
            assert!(!holds(head(old), head(size), &proof), "{old} in {size}");
            proof.pop();
            for index in 0..proof.len() {
                let mut forged = proof.clone();
                forged[index].0[0] ^= 1;
                assert!(!holds(head(old), head(size), &forged), "{old} in {size}, hash {index}");
                forged.remove(index);
                assert!(!holds(head(old), head(size), &forged), "{old} in {size}, hash {index}");
            }
        }
    }
    assert!(verify_consistency((0, &Root::empty()), (3, head(3)), &[]));
    assert!(!verify_consistency((0, &Root::empty()), (3, head(3)), &[*head(1)]));
    assert!(!verify_consistency((3, head(3)), (2, head(2)), &[]));
}
