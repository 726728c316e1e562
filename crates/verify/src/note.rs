//! Signed notes and verifier keys, as C2SP `signed-note` and `tlog-cosignature` define them.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// A note is small; whatever is larger is not one.
const MOST_BYTES_IN_NOTE: usize = 64 * 1024;

/// The text is not a verifier key that this crate can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(String);

/// What a key's signatures are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Type 0x01: the note's text. Logs sign so.
    Note,
    /// Type 0x04: the text and a time. Witnesses sign so.
    Cosignature,
}

/// A public key with its name: `name+12345678+base64`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    kind: Kind,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Who it belongs to; for a log, its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn is_same_key(&self, other: &VerifierKey) -> bool {
        self.key == other.key
    }

    /// The time of the signature (0 where it has none) over a text; `None` where it is not valid.
    fn verify(&self, text: &str, signature: &[u8]) -> Option<u64> {
        let valid = |message: &[u8], signature: &[u8]| {
            let signature = Signature::from_slice(signature).ok()?;
            self.key.verify_strict(message, &signature).ok()
        };
        match self.kind {
            Kind::Note => valid(text.as_bytes(), signature).map(|()| 0),
            Kind::Cosignature => {
                let (time, signature) = signature.split_first_chunk::<8>()?;
                let time = u64::from_be_bytes(*time);
                let message = format!("cosignature/v1\ntime {time}\n{text}");
                valid(message.as_bytes(), signature).map(|()| time)
            }
        }
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<VerifierKey, KeyError> {
        let wrong = |why: &str| KeyError(format!("{text:?} is not a verifier key: {why}"));
        let form = || wrong("it has the form NAME+8 hex digits+BASE64");
        let mut parts = text.splitn(3, '+');
        let (name, id, key) = match (parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(id), Some(key)) if is_key_name(name) => (name, id, key),
            _ => return Err(form()),
        };
        let blob = STANDARD.decode(key).map_err(|_| form())?;
        let (kind, public) = match blob.split_first() {
            Some((1, public)) => (Kind::Note, public),
            Some((4, public)) => (Kind::Cosignature, public),
            _ => return Err(wrong("it is neither Ed25519 (0x01) nor a cosigner's (0x04)")),
        };
        let expected = key_id(name, &blob);
        if id != format!("{:08x}", u32::from_be_bytes(expected)) {
            return Err(wrong("its number is not that of its name and key"));
        }
        let public = public.try_into().map_err(|_| wrong("the key has not 32 bytes"))?;
        let key = VerifyingKey::from_bytes(public).map_err(|_| wrong("no such Ed25519 key"))?;
        Ok(VerifierKey { name: name.to_owned(), id: expected, kind, key })
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}", self.name, u32::from_be_bytes(self.id))
    }
}

/// SHA-256(name || 0x0A || type || public key), the first four bytes.
fn key_id(name: &str, blob: &[u8]) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n']).chain_update(blob);
    let digest = digest.finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('+') && !name.chars().any(char::is_whitespace)
}

/// A text and the signatures below it, none of them checked yet.
pub(crate) struct Note<'a> {
    /// What is signed, with its last line feed.
    pub(crate) text: &'a str,
    signatures: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Note<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Note<'a>, &'static str> {
        if bytes.len() > MOST_BYTES_IN_NOTE {
            return Err("it is larger than 64 KiB");
        }
        let note = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err("it has control characters");
        }
        let split = note.rfind("\n\n").ok_or("no blank line stands before its signatures")?;
        let (text, signatures) = (&note[..=split], &note[split + 2..]);
        let lines = signatures.strip_suffix('\n').ok_or("it does not end with a line feed")?;
        let signatures = lines.split('\n').map(signature).collect::<Option<_>>();
        Ok(Note { text, signatures: signatures.ok_or("a line below is not a signature")? })
    }

    /// The time of the key's signature; `None` where it did not sign. An invalid signature of a
    /// key that is known makes the whole note worthless.
    pub(crate) fn signed_by(&self, key: &VerifierKey) -> Result<Option<u64>, &'static str> {
        let mut signed = None;
        for (name, blob) in &self.signatures {
            let Some((id, signature)) = blob.split_first_chunk::<4>() else { continue };
            if *name == key.name && *id == key.id {
                let time = key.verify(self.text, signature);
                signed = Some(time.ok_or("the signature is not valid")?);
            }
        }
        Ok(signed)
    }
}

/// Em dash, space, name, space, base64 of the key's number and the signature.
fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, blob) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let blob = STANDARD.decode(blob).ok().filter(|blob| blob.len() > 4)?;
    is_key_name(name).then_some((name, blob))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of C2SP signed-note, and the one of golang.org/x/mod/sumdb/note.
    const PUBLISHED: [(&str, &str); 2] = [
        (
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "This is an example message.\n\n\u{2014} example.com/foo \
             Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
        ),
        (
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "If you think cryptography is the answer to your problem,\nthen you don't know what \
             your problem is.\n\n\u{2014} PeterNeumann \
             x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
        ),
    ];

    #[test]
    fn the_published_notes_are_signed_by_their_keys_and_by_no_other() {
        let keys = PUBLISHED.map(|(key, _)| key.parse::<VerifierKey>().unwrap());
        for (index, (_, note)) in PUBLISHED.iter().enumerate() {
            let note = Note::parse(note.as_bytes()).unwrap();
            assert_eq!(note.signed_by(&keys[index]), Ok(Some(0)));
            assert_eq!(note.signed_by(&keys[1 - index]), Ok(None));
        }
        let forged = PUBLISHED[0].1.replace("an example", "another");
        assert!(Note::parse(forged.as_bytes()).unwrap().signed_by(&keys[0]).is_err());
    }

    #[test]
    fn the_text_ends_at_the_last_empty_line() {
        let note = "a\n\nb\n\n\u{2014} c AAAAAAA=\n";
        assert_eq!(Note::parse(note.as_bytes()).unwrap().text, "a\n\nb\n");
    }
}
