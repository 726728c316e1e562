//! Signed checkpoints: what a log says its tree was, and who stands by it.

use serde::Serialize;

use crate::hash::Hash;
use crate::note::Note;
use crate::trust::Trust;

/// Why a checkpoint counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The bytes are not a signed note.
    #[error("it is not a signed checkpoint: {0}")]
    NotNote(&'static str),
    /// The signed text is not a checkpoint.
    #[error("its text is not a checkpoint: {0}")]
    NotCheckpoint(&'static str),
    /// A trusted key's signature does not fit the text.
    #[error("{key}: {why}")]
    BadSignature {
        /// Whose signature.
        key: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nobody who is trusted to speak for this log has signed.
    #[error("no trusted key of {origin} signed it")]
    NotTrusted {
        /// The log it claims to be of.
        origin: String,
    },
    /// Too few witnesses have cosigned.
    #[error("too few witnesses cosigned it for the policy's quorum: {cosigned}")]
    NoQuorum {
        /// Who did.
        cosigned: String,
    },
}

/// A checkpoint whose signatures were verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many entries its tree had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Witnesses that are trusted and cosigned.
    pub cosignatures: Vec<Cosignature>,
}

/// A witness's word that it saw nothing else of this log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cosignature {
    /// Whose.
    pub witness: String,
    /// When, in seconds since 1970, by the witness's clock.
    pub time: u64,
}

impl Checkpoint {
    /// Reads a checkpoint and verifies its signatures: one by a trusted key that has the name of
    /// the log, and as many cosignatures as the quorum asks for. Unknown keys are ignored; an
    /// invalid signature by a known one refuses the whole.
    pub fn open(bytes: &[u8], trust: &Trust) -> Result<Checkpoint, CheckpointError> {
        let note = Note::parse(bytes).map_err(CheckpointError::NotNote)?;
        let (origin, size, root) = body(note.text).map_err(CheckpointError::NotCheckpoint)?;
        let mut is_trusted = false;
        for key in trust.logs() {
            let bad = |why| CheckpointError::BadSignature { key: key.name().to_owned(), why };
            let signed = note.signed_by(key).map_err(bad)?.is_some();
            is_trusted |= signed && key.name() == origin;
        }
        if !is_trusted {
            return Err(CheckpointError::NotTrusted { origin: origin.to_owned() });
        }
        let mut cosignatures = Vec::new();
        let mut cosigners = Vec::new();
        for key in trust.witnesses() {
            let bad = |why| CheckpointError::BadSignature { key: key.name().to_owned(), why };
            if let Some(time) = note.signed_by(key).map_err(bad)? {
                cosignatures.push(Cosignature { witness: key.name().to_owned(), time });
                cosigners.push(key);
            }
        }
        if !trust.is_satisfied(|key| cosigners.contains(&key)) {
            let names: Vec<&str> = cosigners.iter().map(|key| key.name()).collect();
            let cosigned = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
            return Err(CheckpointError::NoQuorum { cosigned });
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root, cosignatures })
    }
}

/// Origin, size and root, then extension lines that say nothing here.
fn body(text: &str) -> Result<(&str, u64, Hash), &'static str> {
    let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    let mut next = || lines.next().filter(|line| !line.is_empty());
    let origin = next().ok_or("the first line is the log's origin")?;
    let size = next().and_then(decimal).ok_or("the second line is the tree's size")?;
    let root = next().and_then(Hash::from_base64).ok_or("the third line is the root in base64")?;
    if lines.any(str::is_empty) {
        return Err("it has an empty line");
    }
    Ok((origin, size, root))
}

/// A number in the one way it can be written.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
