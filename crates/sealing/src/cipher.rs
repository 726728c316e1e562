//! One key, and what is done with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use quipu_domain::personal::SealedText;
use quipu_domain::{KeyId, Label, Personal, TenantId};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::SealingError;

/// Bytes of a key: half of them seal, the other half authenticates.
pub(crate) const KEY_BYTES: usize = 64;
const NONCE_BYTES: usize = 24;
/// Texts are filled up to a multiple of this: how long an erased name was is nobody's business.
const PADDED_BYTES: usize = 32;

/// A subject's key.
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    /// A new one, from the operating system's random bytes.
    pub(crate) fn random() -> Result<Key, SealingError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(&mut *bytes)?;
        Ok(Key { id: KeyId(getrandom::u64()?), bytes })
    }

    pub(crate) fn seal(&self, subject: &TenantId, text: &Label) -> Result<Personal, SealingError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let place = place(subject, self.id);
        let mut padded = text.as_str().as_bytes().to_vec();
        padded.resize(padded.len().next_multiple_of(PADDED_BYTES), 0);
        let payload = Payload { msg: &padded, aad: place.as_bytes() };
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a label is far shorter than what the cipher takes");
        let ciphertext = URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        Ok(SealedText { subject: subject.clone(), key: self.id, ciphertext: &ciphertext }.into())
    }

    /// The text; `None` where it was not sealed with this key, for this subject, as it stands.
    pub(crate) fn open(&self, sealed: &SealedText<'_>) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed.ciphertext).ok()?;
        let (nonce, msg) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let place = place(&sealed.subject, self.id);
        let payload = Payload { msg, aad: place.as_bytes() };
        let mut text = self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?;
        // No label ends in a zero byte.
        text.truncate(text.iter().rposition(|byte| *byte != 0)? + 1);
        String::from_utf8(text).ok()
    }

    /// A digest of bytes that nobody can repeat without the key.
    pub(crate) fn digest(&self, bytes: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.bytes[32..])
            .expect("HMAC takes a key of any length");
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new_from_slice(&self.bytes[..32]).expect("the key has 32 bytes")
    }
}

/// What a sealed text is bound to.
fn place(subject: &TenantId, key: KeyId) -> String {
    format!("{subject}:{key}")
}
