//! The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header-07) and what a key is
//! bound to.

use std::fmt::{self, Write as _};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use quipu_domain::Label;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use crate::problem::{Code, Problem};
use crate::strict_json::fault;

/// The header's name.
pub(crate) const HEADER: &str = "idempotency-key";

/// The longest key.
const MOST_CHARS: usize = 255;

/// The key of a command.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Label);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<IdempotencyKey, Problem> {
        <IdempotencyKey as OptionalFromRequestParts<S>>::from_request_parts(parts, state)
            .await?
            .ok_or_else(|| {
                Problem::new(
                    Code::IdempotencyKeyRequired,
                    "the header Idempotency-Key is missing",
                    "send one that is unique to this command, such as a UUID, and send the same one again on a retry",
                )
            })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<IdempotencyKey>, Problem> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let key = value.to_str().ok().and_then(parse).filter(|_| values.next().is_none());
        key.map(Some).ok_or_else(|| {
            Problem::new(
                Code::InvalidIdempotencyKey,
                "the header Idempotency-Key does not hold one valid key",
                "send the header once, with 1 to 255 visible ASCII characters, quoted or bare",
            )
        })
    }
}

/// In a body. What means a key in the header means the same key here, quotes included.
impl<'de> Deserialize<'de> for IdempotencyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IdempotencyKey, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = IdempotencyKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an idempotency key")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<IdempotencyKey, E> {
                parse(text).ok_or_else(|| {
                    fault(
                        Code::InvalidIdempotencyKey,
                        "the idempotency key is not valid",
                        "write 1 to 255 visible ASCII characters",
                    )
                })
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Reads a structured-field string (`"8e03"`) or the bare key (`8e03`); both are the same key.
fn parse(value: &str) -> Option<IdempotencyKey> {
    let key = match value.strip_prefix('"') {
        Some(rest) => unquote(rest.strip_suffix('"')?)?,
        None => value.to_owned(),
    };
    let fits = (1..=MOST_CHARS).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| key.parse().ok().map(IdempotencyKey)).flatten()
}

/// Undoes the two escapes that a structured-field string has (RFC 9651, section 3.3.3).
fn unquote(inner: &str) -> Option<String> {
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => chars.next().filter(|escaped| matches!(escaped, '"' | '\\'))?,
            '"' => return None,
            char => char,
        });
    }
    Some(plain)
}

/// What a key is bound to: the operation, what it is done to, and the request as it was
/// understood, so that white space and the order of fields make no difference.
pub(crate) fn canonical(
    operation: &str,
    subject: &impl Serialize,
    request: &impl Serialize,
) -> Vec<u8> {
    serde_json::to_vec(&(operation, subject, request))
        .expect("requests are structs of texts, numbers and maps with text keys")
}

/// A digest of that, for a request without personal texts.
pub(crate) fn digest(canonical: &[u8]) -> [u8; 32] {
    Sha256::digest(canonical).into()
}

/// A digest as events carry it.
pub(crate) fn fingerprint(digest: [u8; 32]) -> Label {
    let mut hex = String::with_capacity(32);
    for byte in &digest[..16] {
        write!(hex, "{byte:02x}").expect("writing to a string does not fail");
    }
    hex.parse().expect("32 hex digits are a label")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_key_and_a_bare_one_are_the_same() {
        for text in ["8e03", "\"8e03\""] {
            assert_eq!(parse(text).expect("valid").0.as_str(), "8e03");
        }
        assert_eq!(parse(r#""a\"b\\c""#).expect("valid").0.as_str(), r#"a"b\c"#);
    }

    #[test]
    fn a_key_is_1_to_255_visible_characters() {
        assert!(parse(&"k".repeat(255)).is_some());
        for bad in ["", "\"\"", "\"open", "a b", "\"a\\x\"", "\"a\"b\"", &"k".repeat(256)] {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_fingerprint_tells_operations_subjects_and_requests_apart() {
        let of = |operation, subject, request| {
            fingerprint(digest(&canonical(operation, &subject, &request)))
        };
        let one = of("debit", "t_a", "1");
        assert_eq!(one, of("debit", "t_a", "1"));
        assert_ne!(one, of("hold", "t_a", "1"));
        assert_ne!(one, of("debit", "t_b", "1"));
        assert_ne!(one, of("debit", "t_a", "2"));
        assert_eq!(one.as_str().len(), 32);
    }
}
