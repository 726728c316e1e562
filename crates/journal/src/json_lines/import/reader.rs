//! Reads an export row by row and computes every hash again.

use std::io::{BufRead, Read as _};

use quipu_domain::{Position, Timestamp};

use super::ImportError;
use crate::batch::MOST_BYTES_IN_EVENT;
use crate::json_lines::line::{FORMAT, Header, Mark, read, written};
use crate::{BatchRow, Head, Root, Tree, codec};

pub(super) struct Reader<'a> {
    input: &'a mut dyn BufRead,
    line: u64,
    header: Header,
    tree: Tree,
    recorded_at: Timestamp,
    root: Root,
}

impl<'a> Reader<'a> {
    pub(super) fn open(input: &'a mut dyn BufRead) -> Result<Reader<'a>, ImportError> {
        let header = Header::of(Head::genesis());
        let (tree, root) = (Tree::default(), Root::empty());
        let recorded_at = Timestamp::default();
        let mut reader = Reader { input, line: 0, header, tree, recorded_at, root };
        let line = reader.read_line()?.unwrap_or_default();
        reader.header = read(&line).map_err(|why| {
            reader.wrong(format!("this is not the first line of a journal's export: {why}"))
        })?;
        if reader.header.quipu_journal != FORMAT {
            let format = reader.header.quipu_journal;
            let why = format!("the export has format {format}; this program reads format {FORMAT}");
            return Err(reader.wrong(why));
        }
        Ok(reader)
    }

    /// Where the file says it ends.
    pub(super) const fn end(&self) -> Head {
        let Header { position, root, .. } = self.header;
        Head { position, root, recorded_at: self.recorded_at }
    }

    /// The number of the line that was read last.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// The last event that was read.
    pub(super) fn position(&self) -> Position {
        Position(self.tree.leaves())
    }

    /// When that event was recorded.
    pub(super) const fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// The next row, `None` after the last line.
    pub(super) fn next(&mut self) -> Result<Option<BatchRow>, ImportError> {
        let first_position = self.position().plus(1);
        let mut texts = Vec::new();
        loop {
            let Some(line) = self.read_line()? else {
                let (at, end) = (self.position(), self.header.position);
                let why = format!("the file breaks off after position {at} of {end}");
                return Err(ImportError::Line { line: self.line + 1, why });
            };
            if !Mark::is_one(&line) {
                self.event(&line)?;
                texts.push(line);
                continue;
            }
            if texts.is_empty() {
                return self.ends(&line).map(|()| None);
            }
            let row = BatchRow {
                first_position,
                last_position: self.position(),
                recorded_at: self.recorded_at,
                events: codec::join(texts.iter().map(String::as_str)),
                prev_root: self.root,
                root: self.tree.root(),
            };
            self.root = row.root;
            let expected = written(&Mark::of(&row));
            return if line == expected {
                Ok(Some(row))
            } else {
                let (first, last) = (row.first_position, row.last_position);
                let why = format!("positions {first} to {last} lead to {expected}");
                Err(self.wrong(format!("the events before it do not hash to this commit: {why}")))
            };
        }
    }

    fn event(&mut self, text: &str) -> Result<(), ImportError> {
        let position = self.position().plus(1);
        let recorded = codec::decode(position, text).map_err(|e| self.wrong(e.to_string()))?;
        // In the journal's row nothing stands between events.
        if !(text.starts_with('{') && text.ends_with('}')) {
            return Err(self.wrong("something stands beside the event's object".to_owned()));
        }
        if recorded.recorded_at < self.recorded_at {
            let why = format!("the event before it is from {}", self.recorded_at);
            return Err(self.wrong(format!("it is from {}, but {why}", recorded.recorded_at)));
        }
        self.recorded_at = recorded.recorded_at;
        self.tree.push(text.as_bytes());
        Ok(())
    }

    /// The last line, and nothing after it.
    fn ends(&mut self, line: &str) -> Result<(), ImportError> {
        if (self.header.position, self.header.root) != (self.position(), self.root) {
            let (position, root) = (self.position(), self.root);
            let why =
                format!("the file ends at {position} with root {root}, not as its first line says");
            return Err(self.wrong(why));
        }
        let expected = written(&self.header.end());
        if line != expected {
            return Err(self.wrong(format!("the last line must be {expected}")));
        }
        if self.input.fill_buf()?.is_empty() {
            return Ok(());
        }
        let why = "something follows the last line".to_owned();
        Err(ImportError::Line { line: self.line + 1, why })
    }

    fn read_line(&mut self) -> Result<Option<String>, ImportError> {
        let mut bytes = Vec::new();
        // One byte more than an event and its line feed, so that a longer line is told apart.
        let most = MOST_BYTES_IN_EVENT as u64 + 2;
        (&mut *self.input).take(most).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        match bytes.pop() {
            Some(b'\n') => String::from_utf8(bytes)
                .map(Some)
                .map_err(|_| self.wrong("it is not UTF-8 text".to_owned())),
            _ if bytes.len() >= MOST_BYTES_IN_EVENT => {
                Err(self.wrong(format!("it is longer than {MOST_BYTES_IN_EVENT} bytes")))
            }
            _ => Err(self.wrong("the file breaks off in this line".to_owned())),
        }
    }

    fn wrong(&self, why: String) -> ImportError {
        ImportError::Line { line: self.line, why }
    }
}
