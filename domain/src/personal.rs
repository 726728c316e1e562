//! Texts about a person: sealed at the edge before a command is decided, so that the journal, its
//! views and its snapshots never hold them in clear (P1, P2).

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::ids::IdError;
use crate::{KeyId, Label, TenantId};

/// What every sealed text begins with.
const MARK: &str = "sealed:";

/// A sealed text, read: `sealed:{subject}:{key}:{ciphertext in base64url without padding}`.
///
/// What the ciphertext is made of is the business of who seals; to the rules it is opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedText<'a> {
    /// Whom it is about.
    pub subject: TenantId,
    /// Under which of the subject's keys.
    pub key: KeyId,
    /// The ciphertext, in base64url without padding.
    pub ciphertext: &'a str,
}

impl<'a> SealedText<'a> {
    /// Longest ciphertext: what 500 characters of four bytes, padding, a nonce and a tag come to.
    const MOST_CIPHERTEXT_CHARS: usize = 2_800;

    /// Reads a sealed text; `None` for any other text.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<SealedText<'a>> {
        let (subject, rest) = text.strip_prefix(MARK)?.split_once(':')?;
        let (key, ciphertext) = rest.split_once(':')?;
        let base64url = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let fits = (1..=Self::MOST_CIPHERTEXT_CHARS).contains(&ciphertext.len())
            && ciphertext.bytes().all(base64url);
        if !fits {
            return None;
        }
        Some(SealedText { subject: subject.parse().ok()?, key: key.parse().ok()?, ciphertext })
    }
}

impl fmt::Display for SealedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{}:{}:{}", self.subject, self.key, self.ciphertext)
    }
}

/// A text about a person, as it is decided on and stored: a [`SealedText`], or, in events of
/// schema 1, a label in clear. No [`Label`] looks like a sealed text, so which it is is certain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Personal(SmolStr);

impl Personal {
    /// The text as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Label> for Personal {
    fn from(label: &Label) -> Personal {
        Personal(label.as_str().into())
    }
}

impl From<SealedText<'_>> for Personal {
    fn from(sealed: SealedText<'_>) -> Personal {
        Personal(sealed.to_string().into())
    }
}

impl FromStr for Personal {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Personal, IdError> {
        match SealedText::parse(text) {
            Some(_) => Ok(Personal(text.into())),
            None => text.parse::<Label>().map(|label| Personal::from(&label)),
        }
    }
}

impl fmt::Display for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Personal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Personal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Personal, D::Error> {
        crate::text::deserialize(deserializer, str::parse)
    }
}

/// The upcast from schema 1, which had every text in clear: it stays so, and cannot be erased (P5).
pub(crate) fn in_clear<T: DeserializeOwned>(data: &str) -> serde_json::Result<T> {
    serde_json::from_str(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "sealed:t_acme:00ff00ff00ff00ff:AAECAw-_";

    #[test]
    fn a_sealed_text_has_one_spelling() {
        let sealed = SealedText::parse(SEALED).unwrap();
        assert_eq!((sealed.subject.as_str(), sealed.ciphertext), ("t_acme", "AAECAw-_"));
        assert_eq!(sealed.to_string(), SEALED);
        assert_eq!(Personal::from(sealed), SEALED.parse().unwrap());
        for bad in [
            "sealed:",
            "sealed:t_acme:AAEC",
            "sealed:t_acme:00FF00FF00FF00FF:AAEC",
            "sealed:t_acme:00ff00ff00ff00ff:",
            "sealed:t_acme:00ff00ff00ff00ff:AA==",
            "sealed:T_acme:00ff00ff00ff00ff:AAEC",
            "sealed:t_acme:00ff00ff00ff00ff:AAEC\\",
        ] {
            assert_eq!(SealedText::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn p2_no_label_looks_like_a_sealed_text() {
        assert!(SEALED.parse::<Label>().is_err());
        assert_eq!("sealed: by hand".parse::<Personal>().unwrap().as_str(), "sealed: by hand");
        assert!("\n".parse::<Personal>().is_err());
    }
}
