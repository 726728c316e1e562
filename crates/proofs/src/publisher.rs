//! Signs checkpoints, once what they cover is durable (J6).

use std::sync::{Mutex, PoisonError};

use quipu_domain::epoch::{self, EpochStarted, SignedHead};
use quipu_domain::{Position, Timestamp};
use quipu_journal::{Head, Journal};

use crate::checkpoint::{decode_hash, encode_hash};
use crate::key::sign;
use crate::{
    Checkpoint, KeyFolder, LogName, ProofError, Proofs, Published, SignedNote, VerifierKey,
};

/// Publishes checkpoints of one epoch.
pub struct Publisher {
    proofs: Proofs,
    keys: KeyFolder,
    epoch: u64,
    origin: String,
    /// What was signed last, whatever became of its publication.
    last: Mutex<Option<SignedHead>>,
}

/// The book does not lead to what was signed last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What was signed.
    pub last: SignedHead,
    /// What is there instead.
    pub reason: String,
}

/// Whether the journal has lost something that was signed. `started` is the last event of its
/// epochs: a loss that it says already is not another one.
pub fn find_loss(
    proofs: &Proofs,
    keys: &KeyFolder,
    started: Option<&EpochStarted>,
) -> Result<Option<Loss>, ProofError> {
    let Some(last) = last_signed(proofs, keys)? else { return Ok(None) };
    let is_said = started.is_some_and(|started| {
        (&started.prev_origin, started.prev_size, &started.prev_root)
            == (&last.origin, last.size, &last.root)
    });
    if is_said || reaches(proofs.journal(), &last)? {
        return Ok(None);
    }
    let end = proofs.journal().head()?.position;
    let reason = if end.0 < last.size {
        format!("the book has {end} events, and {} had been signed", last.size)
    } else {
        format!("the first {} events are not those that had been signed", last.size)
    };
    Ok(Some(Loss { last, reason }))
}

impl Publisher {
    /// A publisher for the journal's present epoch.
    pub fn new(
        proofs: Proofs,
        keys: KeyFolder,
        name: &LogName,
        epoch: u64,
    ) -> Result<Publisher, ProofError> {
        let last = Mutex::new(last_signed(&proofs, &keys)?);
        Ok(Publisher { proofs, keys, epoch, origin: epoch::origin(name.as_str(), epoch), last })
    }

    /// What its checkpoints begin with.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The keys that sign at a moment, for those who are to believe them.
    pub fn verifiers(&self, now: Timestamp) -> Result<Vec<VerifierKey>, ProofError> {
        let keys = self.keys.list()?.into_iter().filter(|key| key.is_active(now));
        Ok(keys.map(|key| key.verifier(&self.origin, crate::Algorithm::Log)).collect())
    }

    /// Signs and keeps a checkpoint of what is durable, unless it was published already. Refuses
    /// when the journal does not lead to what was signed last.
    pub fn publish(&self, durable: Head, now: Timestamp) -> Result<Option<Published>, ProofError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let size = durable.position.0;
        let newest = self.proofs.newest()?.filter(|newest| newest.origin == self.origin);
        if size == 0
            || newest.is_some_and(|newest| newest.size == size && newest.root == durable.root)
        {
            return Ok(None);
        }
        // What an earlier epoch signed is said to be lost by the event that began this one.
        if let Some(last) = last.as_ref().filter(|last| last.epoch == self.epoch)
            && !reaches(self.proofs.journal(), last)?
        {
            let (origin, size) = (last.origin.to_string(), last.size);
            return Err(ProofError::Unreachable { origin, size });
        }
        let checkpoint = Checkpoint { origin: self.origin.clone(), size, root: durable.root };
        let text = checkpoint.to_string();
        let signers = self.keys.signers(now)?;
        let signatures = signers.iter().map(|key| sign(key, &self.origin, &text)).collect();
        let head = SignedHead {
            epoch: self.epoch,
            origin: self.origin.parse().expect("a log's name and a number are a label"),
            size,
            root: encode_hash(&durable.root).parse().expect("base64 is a label"),
        };
        self.keys.note_signed(&head)?;
        *last = Some(head);
        let published = Published {
            number: 0,
            epoch: self.epoch,
            origin: checkpoint.origin,
            size,
            root: durable.root,
            published_at: now,
            note: SignedNote { text, signatures }.to_string(),
        };
        Ok(Some(self.proofs.store().publish(published)?))
    }

    /// Keeps what a witness answered on a checkpoint: the lines that are its signature.
    pub fn keep_cosignatures(
        &self,
        checkpoint: &Published,
        witness: &VerifierKey,
        lines: &str,
    ) -> Result<bool, ProofError> {
        let stored = self.proofs.store().of_size(checkpoint.size)?;
        let Some(stored) = stored.filter(|stored| stored.number == checkpoint.number) else {
            return Ok(false);
        };
        let Ok(mut note) = SignedNote::parse(&stored.note) else { return Ok(false) };
        let answer = SignedNote::parse(&format!("{}\n{lines}", note.text));
        let Ok(mut answer) = answer else { return Ok(false) };
        answer.signatures.retain(|s| s.name == witness.name() && s.key_id == witness.id());
        if witness.has_signed(&answer) != Ok(true) || witness.has_signed(&note) != Ok(false) {
            return Ok(false);
        }
        note.signatures.extend(answer.signatures);
        self.proofs.store().set_note(stored.number, &note.to_string())?;
        Ok(true)
    }
}

/// What was signed last, as the key folder has it or the published checkpoints have.
fn last_signed(proofs: &Proofs, keys: &KeyFolder) -> Result<Option<SignedHead>, ProofError> {
    let published = proofs.newest()?.map(|newest| SignedHead {
        epoch: newest.epoch,
        origin: newest.origin.parse().expect("it was a label when it was signed"),
        size: newest.size,
        root: encode_hash(&newest.root).parse().expect("base64 is a label"),
    });
    let both = [keys.last_signed()?, published];
    Ok(both.into_iter().flatten().max_by_key(|head| (head.epoch, head.size)))
}

/// Whether a journal leads to a tree head that was signed: it has a row that ends there, because
/// what is signed is what a commit left.
fn reaches(journal: &Journal, head: &SignedHead) -> Result<bool, ProofError> {
    let Some(before) = head.size.checked_sub(1) else { return Ok(true) };
    let rows = journal.rows_after(Position(before), 1)?;
    Ok(rows.first().is_some_and(|row| {
        row.last_position.0 == head.size && decode_hash(head.root.as_str()) == Some(row.root)
    }))
}
