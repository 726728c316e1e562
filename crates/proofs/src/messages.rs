//! Proofs as texts that travel: `.tlog-proof` files, and what witnesses are sent.

use quipu_journal::Root;

use crate::checkpoint::{decimal, decode_hash, encode_hash};
use crate::{Checkpoint, FormatError, SignedNote};

/// Most hashes of a consistency proof: twice the height of the largest tree, and no more.
const MOST_HASHES: usize = 63;

/// c2sp.org/tlog-proof: that an entry is in the tree of a checkpoint. `note` is that checkpoint.
pub(crate) fn inclusion_text(index: u64, proof: &[Root], note: &str) -> String {
    format!("c2sp.org/tlog-proof@v1\nindex {index}\n{}\n{note}", lines(proof))
}

/// The body of `add-checkpoint` of c2sp.org/tlog-witness: a checkpoint, and that its tree begins
/// with an older one. Also how Quipu writes a consistency proof to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the older tree.
    pub old: u64,
    /// The consistency proof from the older tree.
    pub proof: Vec<Root>,
    /// The newer checkpoint.
    pub checkpoint: Checkpoint,
    /// The same with its signatures.
    pub note: SignedNote,
}

impl AddCheckpoint {
    pub(crate) fn text(old: u64, proof: &[Root], note: &str) -> String {
        format!("old {old}\n{}\n{note}", lines(proof))
    }

    /// Reads a body.
    pub fn parse(body: &str) -> Result<AddCheckpoint, FormatError> {
        let bad = |why: &str| FormatError(format!("not a request to add a checkpoint: {why}"));
        let (head, note) = body.split_once("\n\n").ok_or_else(|| bad("no empty line"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old = old.ok_or_else(|| bad("its first line is not \"old\" and a size"))?;
        let proof: Option<Vec<Root>> = lines.map(decode_hash).collect();
        let proof = proof.ok_or_else(|| bad("a line of the proof is not a hash"))?;
        if proof.len() > MOST_HASHES {
            return Err(bad("more than 63 hashes"));
        }
        let note = SignedNote::parse(note)?;
        Ok(AddCheckpoint { old, proof, checkpoint: Checkpoint::of(&note)?, note })
    }
}

fn lines(hashes: &[Root]) -> String {
    hashes.iter().map(|hash| encode_hash(hash) + "\n").collect()
}
