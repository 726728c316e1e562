//! Checkpoints (c2sp.org/tlog-checkpoint): a log's origin, its size and its tree head.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use quipu_domain::epoch::SignedHead;
use quipu_journal::Root;

use crate::note::is_key_name;
use crate::{FormatError, SignedNote};

/// What a log says of itself. Its text, see [`fmt::Display`], is what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log. In Quipu, `{name}/e{epoch}`.
    pub origin: String,
    /// How many entries: the last position.
    pub size: u64,
    /// The tree head over them.
    pub root: Root,
}

impl Checkpoint {
    /// The checkpoint that a note is. Lines after the third are extensions, and are not looked at.
    pub fn of(note: &SignedNote) -> Result<Checkpoint, FormatError> {
        let bad = |why: &str| FormatError(format!("not a checkpoint: {why}"));
        let mut lines = note.text.strip_suffix('\n').unwrap_or_default().split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(bad("it has not three lines"));
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(bad("a line is empty"));
        }
        let size = decimal(size).ok_or_else(|| bad("its second line is not a size"))?;
        let root = decode_hash(root).ok_or_else(|| bad("its third line is not a hash"))?;
        Ok(Checkpoint { origin: origin.to_owned(), size, root })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, encode_hash(&self.root))
    }
}

/// A log's name; with the epoch it is its origin. A schema-less URL, by custom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogName(String);

impl LogName {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LogName {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<LogName, FormatError> {
        if is_key_name(name) && name.len() <= 200 && !name.ends_with('/') {
            return Ok(LogName(name.to_owned()));
        }
        Err(FormatError(format!(
            "{name:?} cannot name a log: write something like example.com/book, at most 200 \
             characters without spaces and plus signs"
        )))
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The tree head of what was signed; nothing where that was not signed here, being no hash.
#[must_use]
pub fn signed_root(head: &SignedHead) -> Option<Root> {
    decode_hash(head.root.as_str())
}

/// A number as C2SP writes it: digits without a leading zero.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

pub(crate) fn encode_hash(hash: &Root) -> String {
    BASE64.encode(hash.0)
}

pub(crate) fn decode_hash(text: &str) -> Option<Root> {
    Root::stored(&BASE64.decode(text).ok()?)
}
