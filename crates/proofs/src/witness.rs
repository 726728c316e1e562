//! A witness (c2sp.org/tlog-witness): cosigns checkpoints of logs that are not its own, each only
//! if it is consistent with the one before. So a log cannot show two histories, nor go back.

use std::fs::File;
use std::io::ErrorKind;
use std::sync::{Mutex, PoisonError};

use quipu_domain::Timestamp;
use quipu_journal::Root;
use sha2::{Digest, Sha256};

use crate::key::{cosign, hex};
use crate::{
    AddCheckpoint, Algorithm, Checkpoint, KeyFolder, LogName, ProofError, SignedNote, VerifierKey,
    verify_consistency,
};

/// A witness of some logs.
pub struct Witness {
    name: LogName,
    /// Its keys; the last checkpoint of each log lies beside them.
    folder: KeyFolder,
    logs: Vec<VerifierKey>,
    /// What is checked stays true until it is kept.
    keeping: Mutex<()>,
    /// Keeps other processes from it.
    _lock: File,
}

/// Why a witness does not cosign. The status is the protocol's.
#[derive(Debug, thiserror::Error)]
pub enum WitnessRefusal {
    /// 400: the body does not say what it should.
    #[error("{0}")]
    Malformed(String),
    /// 404: the log is not one of its.
    #[error("log {0} is not known here")]
    UnknownLog(String),
    /// 403: none of the log's keys signed it.
    #[error("no trusted key has signed this checkpoint: {0}")]
    NotSigned(String),
    /// 409: the proof does not begin at the checkpoint that was cosigned last.
    #[error("the last checkpoint that was cosigned has {size} entries")]
    Conflict {
        /// That checkpoint's size.
        size: u64,
    },
    /// 422: the proof does not hold.
    #[error("the consistency proof does not hold")]
    Inconsistent,
    /// 500: it could not be kept, so it was not cosigned.
    #[error("the checkpoint could not be kept: {0}")]
    NotKept(#[from] ProofError),
}

impl Witness {
    /// A witness with a name, its keys and the keys of the logs that it looks at. Refuses a folder
    /// that another one has: two that each keep what they cosigned would cosign two histories.
    pub fn new(
        name: LogName,
        folder: KeyFolder,
        logs: Vec<VerifierKey>,
    ) -> Result<Witness, ProofError> {
        let lock = folder.lock()?;
        Ok(Witness { name, folder, logs, keeping: Mutex::new(()), _lock: lock })
    }

    /// How others know it at a moment.
    pub fn verifiers(&self, now: Timestamp) -> Result<Vec<VerifierKey>, ProofError> {
        let keys = self.folder.list()?.into_iter().filter(|key| key.is_active(now));
        Ok(keys.map(|key| key.verifier(self.name.as_str(), Algorithm::Witness)).collect())
    }

    /// Checks a checkpoint, keeps it, and answers with its signature lines, in this order.
    pub fn add_checkpoint(&self, body: &str, now: Timestamp) -> Result<String, WitnessRefusal> {
        let malformed = |why: String| WitnessRefusal::Malformed(why);
        let AddCheckpoint { old, proof, checkpoint, note } =
            AddCheckpoint::parse(body).map_err(|error| malformed(error.to_string()))?;
        self.check_signed(&checkpoint, &note)?;
        if old > checkpoint.size {
            return Err(malformed(format!("{old} is larger than {}", checkpoint.size)));
        }
        let _keeping = self.keeping.lock().unwrap_or_else(PoisonError::into_inner);
        let (size, root) = self.last(&checkpoint.origin)?;
        if old != size || (old == checkpoint.size && root != checkpoint.root) {
            return Err(WitnessRefusal::Conflict { size });
        }
        if !verify_consistency((old, &root), (checkpoint.size, &checkpoint.root), &proof) {
            return Err(WitnessRefusal::Inconsistent);
        }
        let signers = self.folder.signers(now)?;
        self.folder.replace(&file_of(&checkpoint.origin), note.to_string().as_bytes())?;
        let time = u64::try_from(now.micros() / 1_000_000).unwrap_or_default();
        let lines = signers.iter().map(|key| cosign(key, self.name.as_str(), &note.text, time));
        Ok(lines.map(|line| format!("{line}\n")).collect())
    }

    fn check_signed(
        &self,
        checkpoint: &Checkpoint,
        note: &SignedNote,
    ) -> Result<(), WitnessRefusal> {
        let mut keys = self.logs.iter().filter(|key| key.name() == checkpoint.origin).peekable();
        if keys.peek().is_none() {
            return Err(WitnessRefusal::UnknownLog(checkpoint.origin.clone()));
        }
        let mut any = false;
        for key in keys {
            let signed = key.has_signed(note);
            any |= signed.map_err(|error| WitnessRefusal::NotSigned(error.to_string()))?;
        }
        if any { Ok(()) } else { Err(WitnessRefusal::NotSigned(checkpoint.origin.clone())) }
    }

    /// Size and root of the checkpoint of a log that was cosigned last.
    fn last(&self, origin: &str) -> Result<(u64, Root), ProofError> {
        let path = self.folder.path().join(file_of(origin));
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let kept = SignedNote::parse(&text).and_then(|note| Checkpoint::of(&note));
                let kept = kept.map_err(|error| ProofError::File {
                    path,
                    why: format!("{error}; a witness that lost its memory must be retired"),
                })?;
                Ok((kept.size, kept.root))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((0, Root::empty())),
            Err(error) => Err(ProofError::File { path, why: error.to_string() }),
        }
    }
}

/// The file that has a log's last checkpoint. An origin may hold anything, so its hash names it.
fn file_of(origin: &str) -> String {
    format!("{}.checkpoint", hex(&Sha256::digest(origin)[..16]))
}
