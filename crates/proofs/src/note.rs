//! Signed notes (c2sp.org/signed-note): a text, an empty line, and a line for each signature.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::FormatError;

/// Most bytes of a note that is read.
const MOST_BYTES: usize = 65_536;
/// Most signatures of a note that is read.
const MOST_SIGNATURES: usize = 100;

/// A text and who signed it. That it was parsed says nothing about the signatures: see
/// [`VerifierKey::has_signed`](crate::VerifierKey::has_signed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    /// What is signed: lines, each with its line feed.
    pub text: String,
    /// Who says so.
    pub signatures: Vec<Signature>,
}

/// One signature of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key's name.
    pub name: String,
    /// Tells keys of the same name apart.
    pub key_id: [u8; 4],
    /// The signature, in the form of its algorithm.
    pub bytes: Vec<u8>,
}

impl SignedNote {
    /// Reads a note.
    pub fn parse(note: &str) -> Result<SignedNote, FormatError> {
        let bad = |why: &str| FormatError(format!("not a signed note: {why}"));
        if note.len() > MOST_BYTES {
            return Err(bad("larger than 64 KiB"));
        }
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(bad("it holds a control character"));
        }
        let end = note.rfind("\n\n").ok_or_else(|| bad("no empty line before the signatures"))?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let lines = lines.strip_suffix('\n').ok_or_else(|| bad("its last line has no end"))?;
        let signatures: Vec<Signature> =
            lines.split('\n').map(Signature::parse).collect::<Result<_, _>>()?;
        if signatures.len() > MOST_SIGNATURES {
            return Err(bad("more than 100 signatures"));
        }
        Ok(SignedNote { text: text.to_owned(), signatures })
    }
}

impl Signature {
    /// Reads a signature line, without its line feed.
    pub fn parse(line: &str) -> Result<Signature, FormatError> {
        let bad = || FormatError(format!("not a signature line: {line:?}"));
        let (name, encoded) =
            line.strip_prefix("\u{2014} ").and_then(|l| l.split_once(' ')).ok_or_else(bad)?;
        let bytes = BASE64.decode(encoded).map_err(|_| bad())?;
        let (key_id, bytes) = bytes.split_first_chunk::<4>().ok_or_else(bad)?;
        if !is_key_name(name) || bytes.is_empty() {
            return Err(bad());
        }
        Ok(Signature { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
    }
}

/// A key's name is not empty, and has neither spaces nor plus signs.
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id[..], &self.bytes].concat();
        write!(f, "\u{2014} {} {}", self.name, BASE64.encode(bytes))
    }
}
