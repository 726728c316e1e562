//! Proof files: `.tlog-proof` for one event, and the body of a witness request for growth.

use serde::Serialize;

use crate::checkpoint::{Checkpoint, CheckpointError, decimal};
use crate::event::Event;
use crate::hash::{Hash, leaf_hash};
use crate::proof::{ProofError, verify_consistency, verify_inclusion};
use crate::trust::Trust;

/// No path through a tree of 2^64 leaves is longer, and no proof of growth needs more than that.
const MOST_HASHES: usize = 64;

/// Why a proof file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The file has not the form of its kind.
    #[error("it is not {kind}: {why}")]
    Malformed {
        /// What was expected.
        kind: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// The checkpoint in it, or the one it is compared with, counts for nothing.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead where they should.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The event stands elsewhere than the proof says.
    #[error("the event says it is number {says}, but the proof is of position {position}")]
    OtherPosition {
        /// What stands in the event.
        says: u64,
        /// Where the proof has it.
        position: u64,
    },
    /// What was hashed is no event.
    #[error("what was proved is not an event of a journal: {0}")]
    NotEvent(String),
    /// The proof begins at another tree than the older checkpoint's.
    #[error("the proof begins at size {begins}, but the older checkpoint is of {old}")]
    OtherOld {
        /// Where the proof begins.
        begins: u64,
        /// The older checkpoint's size.
        old: u64,
    },
}

/// An event that is under a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Included {
    /// The event's position, from 1.
    pub position: u64,
    /// Its stream.
    pub stream: String,
    /// The checkpoint that it is under.
    pub checkpoint: Checkpoint,
}

/// Two checkpoints of one history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grown {
    /// The earlier one.
    pub old: Checkpoint,
    /// The later one, which begins with it.
    pub new: Checkpoint,
}

/// Checks a C2SP `.tlog-proof`: that `event`, the exact bytes that were recorded, is in the journal
/// under the checkpoint in the file. A line feed at the event's end is not part of it.
pub fn verify_event(proof: &[u8], event: &[u8], trust: &Trust) -> Result<Included, FileError> {
    let malformed = |why| FileError::Malformed { kind: "a .tlog-proof file", why };
    let (head, checkpoint) = split(proof).map_err(malformed)?;
    let mut lines = head.split('\n').peekable();
    if lines.next() != Some("c2sp.org/tlog-proof@v1") {
        return Err(malformed("the first line is not c2sp.org/tlog-proof@v1"));
    }
    // Whatever it says, nobody vouches for it.
    lines.next_if(|line| line.starts_with("extra "));
    let index = lines.next().and_then(|line| decimal(line.strip_prefix("index ")?));
    let index = index.ok_or_else(|| malformed("it has no line with the event's index"))?;
    let path = hashes(lines).map_err(malformed)?;
    let checkpoint = Checkpoint::open(checkpoint, trust)?;
    let event = event.strip_suffix(b"\n").unwrap_or(event);
    verify_inclusion(leaf_hash(event), index, checkpoint.size, &path, checkpoint.root)?;
    let event: Event<'_> =
        serde_json::from_slice(event).map_err(|error| FileError::NotEvent(error.to_string()))?;
    if event.position.checked_sub(1) != Some(index) {
        return Err(FileError::OtherPosition { says: event.position, position: index + 1 });
    }
    Ok(Included { position: event.position, stream: event.stream.into_owned(), checkpoint })
}

/// Checks a proof of growth, in the form in which C2SP `tlog-witness` sends one: that the
/// checkpoint in the file begins with the older one, and nothing of that was changed.
pub fn verify_growth(old: &[u8], proof: &[u8], trust: &Trust) -> Result<Grown, FileError> {
    let malformed = |why| FileError::Malformed { kind: "a proof of growth", why };
    let (head, new) = split(proof).map_err(malformed)?;
    let mut lines = head.split('\n');
    let begins = lines.next().and_then(|line| decimal(line.strip_prefix("old ")?));
    let begins = begins.ok_or_else(|| malformed("the first line is not \"old SIZE\""))?;
    let path = hashes(lines).map_err(malformed)?;
    let old = Checkpoint::open(old, trust)?;
    let new = Checkpoint::open(new, trust)?;
    if begins != old.size {
        return Err(FileError::OtherOld { begins, old: old.size });
    }
    verify_consistency(old.size, old.root, new.size, new.root, &path)?;
    Ok(Grown { old, new })
}

/// The lines before the first empty one, and the checkpoint after it.
fn split(file: &[u8]) -> Result<(&str, &[u8]), &'static str> {
    let blank = file.windows(2).position(|pair| pair == b"\n\n");
    let (head, checkpoint) = file.split_at(blank.ok_or("no empty line is before a checkpoint")?);
    let head = std::str::from_utf8(head).map_err(|_| "it is not UTF-8 text")?;
    Ok((head, &checkpoint[2..]))
}

fn hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, &'static str> {
    let hashes = lines.map(Hash::from_base64).take(MOST_HASHES + 1).collect::<Option<Vec<_>>>();
    let hashes = hashes.ok_or("a line is not a hash in base64")?;
    if hashes.len() > MOST_HASHES { Err("it has too many hashes") } else { Ok(hashes) }
}
