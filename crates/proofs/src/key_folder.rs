//! The folder that must not be in the database's backup: the keys that sign, what was signed last,
//! and of which book. Only its owner can read it, and no secret in it is ever shown.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::SigningKey;
use quipu_domain::Timestamp;
use quipu_domain::epoch::SignedHead;
use quipu_journal::Root;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::key::hex;
use crate::publisher::order;
use crate::{Algorithm, ProofError, VerifierKey};

/// How a file with a key ends.
const KEY_EXTENSION: &str = "key";
/// The last tree head that was signed.
const SIGNED_FILE: &str = "last-signed.json";
/// The hash of the first event of the book that it was signed of.
const BOOK_FILE: &str = "book";

/// A folder of keys.
#[derive(Clone, Debug)]
pub struct KeyFolder {
    path: PathBuf,
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The first 16 hex digits of the SHA-256 of the public key: the name of its file.
    pub id: String,
    /// Since when it signs.
    pub created_at: Timestamp,
    /// When it stops; never, where absent.
    pub ends_at: Option<Timestamp>,
    public: ed25519_dalek::VerifyingKey,
}

/// A key as its file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    quipu_key: u32,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
    /// The 32 bytes of an Ed25519 private key (RFC 8032), in base64.
    ed25519_secret: String,
}

impl KeyRecord {
    /// Whether it signs at a moment.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }

    /// How others know it, under a name: a log's origin, or a witness's name.
    #[must_use]
    pub fn verifier(&self, name: &str, algorithm: Algorithm) -> VerifierKey {
        VerifierKey::new(name, algorithm, self.public)
    }
}

impl KeyFolder {
    /// The folder, which is made where there is none.
    pub fn open(path: &Path) -> Result<KeyFolder, ProofError> {
        let folder = KeyFolder { path: path.to_owned() };
        quipu_files::make_folder(path, 0o700).map_err(|error| folder.failed(path, &error))?;
        Ok(folder)
    }

    /// A folder that is there already, to be read.
    #[must_use]
    pub fn existing(path: &Path) -> KeyFolder {
        KeyFolder { path: path.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All keys, the oldest first.
    pub fn list(&self) -> Result<Vec<KeyRecord>, ProofError> {
        Ok(self.read()?.into_iter().map(|(record, _)| record).collect())
    }

    /// Makes a key, which signs from now on.
    pub fn generate(&self, now: Timestamp) -> Result<KeyRecord, ProofError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| ProofError::File {
            path: self.path.clone(),
            why: format!("the system gives no random bytes for a key: {error}"),
        })?;
        let key = SigningKey::from_bytes(&secret);
        let record = record(&key, now, None);
        self.write_key(&record, &key)?;
        Ok(record)
    }

    /// Makes a key, and lets those before it sign beside it until `overlap_ends_at`, so that
    /// whoever verifies has time to learn of it. Where that is now, they sign no more.
    pub fn rotate(
        &self,
        now: Timestamp,
        overlap_ends_at: Timestamp,
    ) -> Result<KeyRecord, ProofError> {
        let before = self.read()?;
        let new = self.generate(now)?;
        for (mut record, key) in before {
            if record.is_active(overlap_ends_at) {
                record.ends_at = Some(overlap_ends_at);
                self.write_key(&record, &key)?;
            }
        }
        Ok(new)
    }

    /// The keys that sign at a moment; at least one.
    pub(crate) fn signers(&self, now: Timestamp) -> Result<Vec<SigningKey>, ProofError> {
        let active = self.read()?.into_iter().filter(|(record, _)| record.is_active(now));
        let keys: Vec<SigningKey> = active.map(|(_, key)| key).collect();
        if keys.is_empty() {
            return Err(ProofError::NoKey { folder: self.path.clone() });
        }
        Ok(keys)
    }

    /// What was signed last, if anything was.
    pub fn last_signed(&self) -> Result<Option<SignedHead>, ProofError> {
        let read = self.read_if_there(SIGNED_FILE)?;
        let parsed = read.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        parsed.map_err(|error| {
            let why = format!("not what this program wrote: {error}; restore it from a copy");
            ProofError::File { path: self.path.join(SIGNED_FILE), why }
        })
    }

    fn read_if_there(&self, name: &str) -> Result<Option<Vec<u8>>, ProofError> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                Err(ProofError::Denied { path })
            }
            Err(error) => Err(self.failed(&path, &error)),
        }
    }

    /// Refuses a book that is not the one whose keys these are: what the one has signed says
    /// nothing about the other. A folder that no book has signed with is anybody's.
    pub fn refuse_another_book(&self, first_event: Option<&Root>) -> Result<(), ProofError> {
        self.is_given_to(first_event).map(drop)
    }

    /// Gives the folder to a book, if it is not another's.
    pub fn claim(&self, first_event: &Root) -> Result<(), ProofError> {
        let _locked = self.lock()?;
        self.claim_locked(first_event)
    }

    fn claim_locked(&self, first_event: &Root) -> Result<(), ProofError> {
        if self.is_given_to(Some(first_event))? {
            return Ok(());
        }
        self.replace(BOOK_FILE, first_event.to_string().as_bytes())
    }

    /// Whether the folder is that book's already; refused where it is another's.
    fn is_given_to(&self, first_event: Option<&Root>) -> Result<bool, ProofError> {
        let Some(hash) = self.read_if_there(BOOK_FILE)? else { return Ok(false) };
        let owner = String::from_utf8_lossy(&hash).trim().to_owned();
        if Some(&owner) == first_event.map(Root::to_string).as_ref() {
            return Ok(true);
        }
        Err(ProofError::AnotherBook { folder: self.path.clone(), owner })
    }

    /// Notes what is about to be published of a book, or says that something later was signed
    /// already. On the disk when this returns, so that nothing is ever published that this folder
    /// does not know.
    pub(crate) fn note_signed(
        &self,
        first_event: &Root,
        head: &SignedHead,
    ) -> Result<bool, ProofError> {
        // Another server may be noting something now, and a check that it overtakes is none.
        let _locked = self.lock()?;
        self.claim_locked(first_event)?;
        if self.last_signed()?.is_some_and(|last| order(&last) > order(head)) {
            return Ok(false);
        }
        let bytes = serde_json::to_vec(head).expect("numbers and texts are always JSON");
        self.replace(SIGNED_FILE, &bytes).map(|()| true)
    }

    /// The folder, locked against other programs for as long as this is kept.
    pub(crate) fn lock(&self) -> Result<File, ProofError> {
        let folder = File::open(&self.path).map_err(|error| self.failed(&self.path, &error))?;
        match folder.try_lock() {
            Ok(()) => Ok(folder),
            Err(TryLockError::WouldBlock) => Err(ProofError::InUse { folder: self.path.clone() }),
            Err(TryLockError::Error(error)) => Err(self.failed(&self.path, &error)),
        }
    }

    /// Writes a file so that it is there wholly or not at all, for its owner only.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ProofError> {
        let (path, draft) = (self.path.join(name), self.path.join(format!("{name}.new")));
        let written = quipu_files::replace_file(&path, &draft, bytes);
        written.map_err(|error| self.failed(&path, &error))
    }

    fn write_key(&self, record: &KeyRecord, key: &SigningKey) -> Result<(), ProofError> {
        let file = KeyFile {
            quipu_key: 1,
            created_at: record.created_at,
            ends_at: record.ends_at,
            ed25519_secret: BASE64.encode(key.as_bytes()),
        };
        let bytes = serde_json::to_vec_pretty(&file).expect("numbers and texts are always JSON");
        self.replace(&format!("{}.{KEY_EXTENSION}", record.id), &bytes)
    }

    fn read(&self) -> Result<Vec<(KeyRecord, SigningKey)>, ProofError> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(|error| self.failed(&self.path, &error))? {
            let path = entry.map_err(|error| self.failed(&self.path, &error))?.path();
            if path.extension().is_some_and(|extension| extension == KEY_EXTENSION) {
                keys.push(self.read_key(&path)?);
            }
        }
        keys.sort_by(|(a, _), (b, _)| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(keys)
    }

    fn read_key(&self, path: &Path) -> Result<(KeyRecord, SigningKey), ProofError> {
        let unusable = |why: String| ProofError::File { path: path.to_owned(), why };
        let mode =
            fs::metadata(path).map_err(|error| self.failed(path, &error))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(unusable(format!(
                "others can read this key (mode {:o}); run `chmod 600` on it, or rotate it",
                mode & 0o777
            )));
        }
        let bytes = fs::read(path).map_err(|error| self.failed(path, &error))?;
        // The error of a parser may quote what it read, which here is a secret.
        let file: KeyFile = serde_json::from_slice(&bytes)
            .map_err(|_| unusable("not a key of quipu; restore it from a copy".into()))?;
        let secret = BASE64.decode(file.ed25519_secret).ok();
        let secret: Option<[u8; 32]> = secret.and_then(|secret| secret.try_into().ok());
        let secret = secret.ok_or_else(|| unusable("its secret has not 32 bytes".into()))?;
        let key = SigningKey::from_bytes(&secret);
        Ok((record(&key, file.created_at, file.ends_at), key))
    }

    fn failed(&self, path: &Path, error: &std::io::Error) -> ProofError {
        ProofError::File { path: path.to_owned(), why: error.to_string() }
    }
}

fn record(key: &SigningKey, created_at: Timestamp, ends_at: Option<Timestamp>) -> KeyRecord {
    let public = key.verifying_key();
    let id = hex(&Sha256::digest(public.as_bytes())[..8]);
    KeyRecord { id, created_at, ends_at, public }
}
