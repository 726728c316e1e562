//! Signs checkpoints, once what they cover is durable (J6).

use quipu_domain::Timestamp;
use quipu_domain::epoch::{self, EpochStarted, SignedHead};
use quipu_journal::{Head, Journal};

use crate::checkpoint::{encode_hash, signed_root};
use crate::key::sign;
use crate::proofs::reaches;
use crate::{
    Checkpoint, KeyFolder, KeyRecord, LogName, ProofError, Proofs, Published, SignedNote,
    VerifierKey,
};

/// Publishes checkpoints of one epoch.
pub struct Publisher {
    proofs: Proofs,
    keys: KeyFolder,
    epoch: u64,
    origin: String,
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
/// epochs: a loss that it says already is not another one. Refuses where the keys are another
/// book's, because what that has signed says nothing about this one.
pub fn find_loss(
    proofs: &Proofs,
    keys: &KeyFolder,
    started: Option<&EpochStarted>,
) -> Result<Option<Loss>, ProofError> {
    keys.refuse_another_book(proofs.journal().first_event_hash()?.as_ref())?;
    let (newest, noted) = (proofs.newest()?, keys.last_signed()?);
    if let (Some(newest), Some(_)) = (&newest, &noted) {
        refuse_strange(proofs.journal(), keys, newest)?;
    }
    let Some(last) = later(noted, newest.as_ref()) else { return Ok(None) };
    let is_said = started.is_some_and(|started| {
        (&started.prev_origin, started.prev_size, &started.prev_root)
            == (&last.origin, last.size, &last.root)
    });
    if is_said || leads_to(proofs.journal(), &last)? {
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
    #[must_use]
    pub fn new(proofs: Proofs, keys: KeyFolder, name: &LogName, epoch: u64) -> Publisher {
        Publisher { proofs, keys, epoch, origin: epoch::origin(name.as_str(), epoch) }
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

    /// Whether the newest checkpoint of this origin, if there is one, was signed by a key of the folder.
    pub fn has_signed_newest(&self) -> Result<bool, ProofError> {
        let newest = self.proofs.newest()?.filter(|newest| newest.origin.as_str() == self.origin);
        let Some(newest) = newest else { return Ok(true) };
        is_signed_by(&self.keys, &newest)
    }

    /// Signs and keeps a checkpoint of what is durable, unless it was published already, or one of
    /// more events or of a later epoch was signed: then another server has the book, and this one
    /// does not know it yet. Refuses when the journal does not lead to what was signed last, and
    /// when the keys are another book's.
    pub fn publish(&self, durable: Head, now: Timestamp) -> Result<Option<Published>, ProofError> {
        let size = durable.position.0;
        let newest = self.proofs.newest()?;
        let is_published = newest.as_ref().is_some_and(|newest| {
            (newest.origin.as_str(), newest.size, newest.root)
                == (self.origin.as_str(), size, durable.root)
        });
        if size == 0 || is_published {
            return Ok(None);
        }
        let journal = self.proofs.journal();
        let Some(first_event) = journal.first_event_hash()? else { return Ok(None) };
        self.keys.refuse_another_book(Some(&first_event))?;
        let head = SignedHead {
            epoch: self.epoch,
            origin: self.origin.parse().expect("a log's name and a number are a label"),
            size,
            root: encode_hash(&durable.root).parse().expect("base64 is a label"),
        };
        if let Some(last) = later(self.keys.last_signed()?, newest.as_ref()) {
            // What an earlier epoch signed is said to be lost by the event that began this one. A
            // later one may be of another server that has the book; if not, a copy of the book was
            // served with these keys.
            if last.epoch >= self.epoch && !leads_to(journal, &last)? {
                let (origin, size) = (last.origin.to_string(), last.size);
                return Err(ProofError::Unreachable { origin, size });
            }
            if order(&last) > order(&head) {
                return Ok(None);
            }
        }
        let checkpoint = Checkpoint { origin: self.origin.clone(), size, root: durable.root };
        let text = checkpoint.to_string();
        let signers = self.keys.signers(now)?;
        let signatures = signers.iter().map(|key| sign(key, &self.origin, &text)).collect();
        if !self.keys.note_signed(&first_event, &head)? {
            return Ok(None);
        }
        let published = Published {
            // Where another server has published since, the number is taken, and this is an error.
            number: newest.map_or(1, |newest| newest.number + 1),
            epoch: self.epoch,
            origin: head.origin,
            size,
            root: durable.root,
            published_at: now,
            note: SignedNote { text, signatures }.to_string(),
        };
        self.proofs.store().publish(&published)?;
        Ok(Some(published))
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
fn later(noted: Option<SignedHead>, published: Option<&Published>) -> Option<SignedHead> {
    let published = published.map(|newest| SignedHead {
        epoch: newest.epoch,
        origin: newest.origin.clone(),
        size: newest.size,
        root: encode_hash(&newest.root).parse().expect("base64 is a label"),
    });
    [noted, published].into_iter().flatten().max_by_key(order)
}

/// By what a head is later than another one.
pub(crate) const fn order(head: &SignedHead) -> (u64, u64) {
    (head.epoch, head.size)
}

/// A folder that has signed for this book has its keys: what none of them has signed, and the journal
/// does not lead to, is another book's, and no loss of this one.
fn refuse_strange(
    journal: &Journal,
    keys: &KeyFolder,
    newest: &Published,
) -> Result<(), ProofError> {
    if is_signed_by(keys, newest)? || reaches(journal, newest.size, &newest.root)? {
        return Ok(());
    }
    let keys = keys.path().display();
    let why = format!("no key in {keys} has signed it, and this book does not lead to it");
    Err(ProofError::Stored { number: i64::try_from(newest.number).unwrap_or(i64::MAX), why })
}

/// Whether a key of the folder has signed a checkpoint, one that signs no more included.
fn is_signed_by(keys: &KeyFolder, published: &Published) -> Result<bool, ProofError> {
    let Ok(note) = SignedNote::parse(&published.note) else { return Ok(false) };
    let is_its = |key: &KeyRecord| {
        let key = key.verifier(published.origin.as_str(), crate::Algorithm::Log);
        key.has_signed(&note).unwrap_or(false)
    };
    Ok(keys.list()?.iter().any(is_its))
}

/// Whether a journal leads to what was signed. What is no hash was not signed here.
fn leads_to(journal: &Journal, head: &SignedHead) -> Result<bool, ProofError> {
    match signed_root(head) {
        Some(root) => reaches(journal, head.size, &root),
        None => Ok(false),
    }
}
