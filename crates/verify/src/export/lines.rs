//! The lines of an export, and how each that is not an event is written.

use std::io::{self, BufRead, Read as _};

use serde::Deserialize;

use super::Stop;
use crate::hash::Hash;
use crate::report::Finding;

/// No line is longer: an event has at most 60,000 bytes, and tiles of a log hold at most so many.
pub const MOST_BYTES_IN_LINE: u64 = 65_535;

/// Reads line by line; each ends with one line feed.
pub(super) struct Lines<'a> {
    input: &'a mut dyn BufRead,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(input: &'a mut dyn BufRead) -> Lines<'a> {
        Lines { input, number: 0 }
    }

    /// The number of the last line that was read.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its line feed; `position` is what a bad one concerns.
    pub(super) fn next(&mut self, position: u64) -> Result<Option<String>, Stop> {
        let mut bytes = Vec::new();
        let mut limited = (&mut *self.input).take(MOST_BYTES_IN_LINE + 1);
        limited.read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let found = |what: &str| Finding { line: self.number, position, what: what.to_owned() };
        match bytes.pop() {
            Some(b'\n') => {}
            _ if bytes.len() as u64 == MOST_BYTES_IN_LINE => {
                return Err(found("a line is longer than any event").into());
            }
            _ => return Err(found("the last line has no line feed: its end is missing").into()),
        }
        let line = String::from_utf8(bytes).map_err(|_| found("it is not UTF-8 text"))?;
        Ok(Some(line))
    }

    pub(super) fn is_at_end(&mut self) -> io::Result<bool> {
        Ok(self.input.fill_buf()?.is_empty())
    }
}

/// What a line is, by how it begins.
pub(super) enum Kind {
    Event,
    Commit,
    End,
}

impl Kind {
    pub(super) fn of(line: &str) -> Kind {
        match line {
            _ if line.starts_with(r#"{"commit":"#) => Kind::Commit,
            _ if line.starts_with(r#"{"end":"#) => Kind::End,
            _ => Kind::Event,
        }
    }
}

/// The first line: which format, and where the export ends.
pub(super) struct Header {
    pub(super) position: u64,
    pub(super) root: Hash,
}

impl Header {
    pub(super) fn parse(line: &str) -> Result<Header, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            quipu_journal: u64,
            position: u64,
            root: String,
        }
        let written: Written = serde_json::from_str(line)
            .map_err(|error| format!("the first line is not that of a journal export: {error}"))?;
        if written.quipu_journal != 1 {
            let format = written.quipu_journal;
            return Err(format!("the export has format {format}; this program knows format 1"));
        }
        let root = from_hexadecimal(&written.root);
        let root = root.ok_or("the root in the first line is not 64 hexadecimal digits")?;
        let header = Header { position: written.position, root };
        if header.line() != line {
            return Err(format!("the first line is not written as {}", header.line()));
        }
        Ok(header)
    }

    fn line(&self) -> String {
        format!(r#"{{"quipu_journal":1,"position":{},"root":"{}"}}"#, self.position, self.root)
    }

    /// The last line that belongs to it.
    pub(super) fn end(&self) -> String {
        format!(r#"{{"end":{{"position":{},"root":"{}"}}}}"#, self.position, self.root)
    }
}

/// What must stand after the events of one commit.
pub(super) struct Commit {
    pub(super) first_position: u64,
    pub(super) last_position: u64,
    pub(super) recorded_at: String,
    pub(super) prev_root: Hash,
    pub(super) root: Hash,
}

impl Commit {
    fn line(&self) -> String {
        format!(
            concat!(
                r#"{{"commit":{{"first_position":{},"last_position":{},"recorded_at":"{}","#,
                r#""prev_root":"{}","root":"{}"}}}}"#
            ),
            self.first_position, self.last_position, self.recorded_at, self.prev_root, self.root
        )
    }

    /// `None` where the line is the same to the byte, else the first difference in words.
    pub(super) fn differs_from(&self, line: &str) -> Option<String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Outer {
            commit: Written,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            first_position: u64,
            last_position: u64,
            recorded_at: String,
            prev_root: String,
            root: String,
        }
        if line == self.line() {
            return None;
        }
        let Ok(Outer { commit: says }) = serde_json::from_str(line) else {
            return Some(format!("is not written as {}", self.line()));
        };
        let (root, prev_root) = (self.root.to_string(), self.prev_root.to_string());
        Some(
            if (says.first_position, says.last_position)
                != (self.first_position, self.last_position)
            {
                format!(
                    "says it holds positions {} to {}, but has {} to {}",
                    says.first_position,
                    says.last_position,
                    self.first_position,
                    self.last_position
                )
            } else if says.prev_root != prev_root {
                format!("follows root {}, but the one before it has {prev_root}", says.prev_root)
            } else if says.root != root {
                format!("says its events lead to root {}, but they lead to {root}", says.root)
            } else if says.recorded_at != self.recorded_at {
                format!(
                    "says it was recorded at {}, but its last event at {}",
                    says.recorded_at, self.recorded_at
                )
            } else {
                format!("is not written as {}", self.line())
            },
        )
    }
}

/// Digits in any other form than the canonical one are found by comparing the line.
fn from_hexadecimal(text: &str) -> Option<Hash> {
    let digits = |index: usize| text.get(2 * index..2 * index + 2);
    let bytes = (0..32).map(|index| u8::from_str_radix(digits(index)?, 16).ok());
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes?.try_into().ok().filter(|_| text.len() == 64).map(Hash)
}
