//! Ed25519 keys of logs and witnesses.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::note::is_key_name;
use crate::{FormatError, Signature, SignedNote};

/// What a key signs, as the first byte of its encoding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// 0x01: the text of a note.
    Log,
    /// 0x04: a checkpoint and the time of it (c2sp.org/tlog-cosignature).
    Witness,
}

/// Whose signatures are believed: a name and a public key, written as a *vkey*,
/// `name+keyid+base64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    algorithm: Algorithm,
    key: VerifyingKey,
}

impl Algorithm {
    const fn byte(self) -> u8 {
        match self {
            Algorithm::Log => 0x01,
            Algorithm::Witness => 0x04,
        }
    }
}

impl VerifierKey {
    pub(crate) fn new(name: &str, algorithm: Algorithm, key: VerifyingKey) -> VerifierKey {
        VerifierKey { name: name.to_owned(), algorithm, key }
    }

    /// Its name: a log's origin, or a witness's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The first bytes of SHA-256(name, line feed, algorithm, public key).
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let digest = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', self.algorithm.byte()])
            .chain_update(self.key.as_bytes())
            .finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// Whether this key has signed a note. A signature of this key's that does not hold makes the
    /// whole note worthless.
    pub fn has_signed(&self, note: &SignedNote) -> Result<bool, FormatError> {
        let id = self.id();
        let own = |signature: &&Signature| signature.name == self.name && signature.key_id == id;
        let mut signatures = note.signatures.iter().filter(own).peekable();
        let any = signatures.peek().is_some();
        if signatures.all(|signature| self.holds(signature, &note.text)) {
            return Ok(any);
        }
        Err(FormatError(format!("a signature of {} does not hold", self.name)))
    }

    fn holds(&self, signature: &Signature, text: &str) -> bool {
        let bytes = signature.bytes.as_slice();
        let (message, bytes) = match self.algorithm {
            Algorithm::Log => (text.to_owned(), bytes),
            Algorithm::Witness => {
                let Some((time, bytes)) = bytes.split_first_chunk::<8>() else { return false };
                (cosigned_message(u64::from_be_bytes(*time), text), bytes)
            }
        };
        let Ok(signature) = ed25519_dalek::Signature::from_slice(bytes) else { return false };
        self.key.verify_strict(message.as_bytes(), &signature).is_ok()
    }
}

impl FromStr for VerifierKey {
    type Err = FormatError;

    fn from_str(vkey: &str) -> Result<VerifierKey, FormatError> {
        let bad = |why: &str| {
            FormatError(format!("{vkey:?} is not a verifier key, NAME+KEYID+KEY: {why}"))
        };
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(bad("it has not three parts"));
        };
        if !is_key_name(name) {
            return Err(bad("its name is empty or has a space"));
        }
        let bytes = BASE64.decode(encoded).map_err(|_| bad("its key is not base64"))?;
        let algorithm = match bytes.first() {
            Some(0x01) => Algorithm::Log,
            Some(0x04) => Algorithm::Witness,
            _ => return Err(bad("its algorithm is neither Ed25519 (1) nor its cosignatures (4)")),
        };
        let key: [u8; 32] = bytes[1..].try_into().map_err(|_| bad("its key has not 32 bytes"))?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| bad("its key is not a point"))?;
        let parsed = VerifierKey::new(name, algorithm, key);
        if id != hex(&parsed.id()) {
            return Err(bad("its key id is not that of its name and key"));
        }
        Ok(parsed)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.algorithm.byte()], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), BASE64.encode(key))
    }
}

/// Signs a note's text as a log.
pub(crate) fn sign(key: &SigningKey, name: &str, text: &str) -> Signature {
    let bytes = key.sign(text.as_bytes()).to_bytes().to_vec();
    let verifier = VerifierKey::new(name, Algorithm::Log, key.verifying_key());
    Signature { name: name.to_owned(), key_id: verifier.id(), bytes }
}

/// Signs a checkpoint's text as a witness who saw it at that time, in seconds since 1970.
pub(crate) fn cosign(key: &SigningKey, name: &str, text: &str, time: u64) -> Signature {
    let signed = key.sign(cosigned_message(time, text).as_bytes());
    let bytes = [&time.to_be_bytes()[..], &signed.to_bytes()].concat();
    let verifier = VerifierKey::new(name, Algorithm::Witness, key.verifying_key());
    Signature { name: name.to_owned(), key_id: verifier.id(), bytes }
}

fn cosigned_message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

/// Lowercase digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
