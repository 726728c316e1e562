//! The journal's rows, and the chain that they form.

use std::fmt;
use std::str::FromStr;

use quipu_domain::{Position, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// Most events in one row: reading one event means reading its row.
pub(crate) const MOST_EVENTS_IN_ROW: usize = 256;
/// Most bytes in one row, unless a single event has more.
pub(crate) const MOST_BYTES_IN_ROW: usize = 100_000;
/// Most bytes of one event: entries of a transparency log's tiles are at most 65,535 bytes.
pub const MOST_BYTES_IN_EVENT: usize = 60_000;

/// An RFC 6962 tree head: the SHA-256 hash over all events up to a position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Root(pub [u8; 32]);

impl Root {
    /// The tree head of a journal without events: SHA-256 of nothing.
    #[must_use]
    pub fn empty() -> Root {
        Root(Sha256::digest(b"").into())
    }

    /// A root as it was stored; `None` unless it has 32 bytes.
    #[must_use]
    pub fn stored(bytes: &[u8]) -> Option<Root> {
        bytes.try_into().ok().map(Root)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a root has 64 hexadecimal digits")]
pub struct RootError;

impl FromStr for Root {
    type Err = RootError;

    fn from_str(text: &str) -> Result<Root, RootError> {
        let digits = |index: usize| text.get(2 * index..2 * index + 2);
        let byte = |index: usize| {
            let digits = digits(index).filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        };
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        bytes.filter(|_| text.len() == 64).and_then(|b| Root::stored(&b)).ok_or(RootError)
    }
}

impl Serialize for Root {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Root, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({self})")
    }
}

/// One row of the journal: the events of one commit, or of a part of a large one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// Position of its first event.
    pub first_position: Position,
    /// Position of its last event.
    pub last_position: Position,
    /// When its last event was recorded.
    pub recorded_at: Timestamp,
    /// A JSON array of its events, the exact bytes that were hashed.
    pub events: String,
    /// The root of the row before it.
    pub prev_root: Root,
    /// The tree head over all events up to `last_position`.
    pub root: Root,
}

/// The end of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last event's position, 0 in an empty journal.
    pub position: Position,
    /// The tree head over all events.
    pub root: Root,
    /// When the last event was recorded, the epoch in an empty journal.
    pub recorded_at: Timestamp,
}

impl Head {
    /// The head of an empty journal.
    #[must_use]
    pub fn genesis() -> Head {
        Head { position: Position::ZERO, root: Root::empty(), recorded_at: Timestamp::default() }
    }
}
