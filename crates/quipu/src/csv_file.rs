//! CSV files as they are given to us, and what a slip in one must not hide.

use std::io::{self, ErrorKind, Read};

use csv::StringRecord;

/// The longest field in quotes. An open one would take the rest of the file into memory.
const MOST_BYTES_QUOTED: usize = 1 << 20;

/// The bytes of a file, up to the first field whose quotes are not closed: a reader of CSV would
/// take the lines below for a part of that field, and tell nobody that they are missing. Their
/// row is never complete, so it is not read either.
pub(crate) struct ClosedQuotes<R> {
    input: R,
    place: Place,
    /// The line that is being read, and the one where the last field in quotes began.
    line: u64,
    opened: u64,
    quoted_bytes: usize,
    is_open: bool,
}

/// Where the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a field.
    Start,
    /// In a field without quotes, in which a quote is a letter like any other.
    Plain,
    /// In a field in quotes.
    Quoted,
    /// After a quote in such a field: it ends the field, or two of them are one letter.
    Ending,
    /// After the end of such a field, where only blanks may follow.
    Ended,
}

/// A field in quotes that goes on where it should have ended.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: a quote is not closed where its field ends")]
struct OpenQuote {
    line: u64,
}

impl<R> ClosedQuotes<R> {
    pub(crate) const fn new(input: R) -> ClosedQuotes<R> {
        let (place, line, opened) = (Place::Start, 1, 1);
        ClosedQuotes { input, place, line, opened, quoted_bytes: 0, is_open: false }
    }

    /// Takes a byte into account; false where no field goes on like that.
    fn takes(&mut self, byte: u8) -> bool {
        if byte == b'\n' {
            self.line += 1;
        }
        self.place = match (self.place, byte) {
            (Place::Start | Place::Plain | Place::Ending | Place::Ended, b',' | b'\r' | b'\n') => {
                Place::Start
            }
            (Place::Start, b'"') => {
                (self.opened, self.quoted_bytes) = (self.line, 0);
                Place::Quoted
            }
            // A byte order mark stands before the first field, and is no part of it.
            (Place::Start, b'\xEF' | b'\xBB' | b'\xBF') => Place::Start,
            (Place::Start | Place::Plain, _) => Place::Plain,
            (Place::Quoted, b'"') => Place::Ending,
            (Place::Quoted, _) | (Place::Ending, b'"') => {
                self.quoted_bytes += 1;
                if self.quoted_bytes > MOST_BYTES_QUOTED {
                    return false;
                }
                Place::Quoted
            }
            (Place::Ending | Place::Ended, b' ' | b'\t') => Place::Ended,
            (Place::Ending | Place::Ended, _) => return false,
        };
        true
    }
}

impl<R: Read> Read for ClosedQuotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut sound = 0;
        if !self.is_open && !buffer.is_empty() {
            let count = self.input.read(buffer)?;
            sound = buffer[..count].iter().take_while(|byte| self.takes(**byte)).count();
            self.is_open = sound < count || count == 0 && self.place == Place::Quoted;
        }
        if sound == 0 && self.is_open {
            return Err(io::Error::new(ErrorKind::InvalidData, OpenQuote { line: self.opened }));
        }
        Ok(sound)
    }
}

/// Where a column is, if it is there. Of two with the same heading, either could be meant.
pub(crate) fn column(headings: &StringRecord, name: &str) -> Result<Option<usize>, String> {
    let mut found = headings.iter().enumerate().filter(|(_, heading)| *heading == name);
    let first = found.next().map(|(index, _)| index);
    match found.next() {
        None => Ok(first),
        Some(_) => Err(format!("the column {name:?} is there twice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a few bytes at a time, so that fields lie across the edges of what is read.
    struct Few<'a>(&'a [u8]);

    impl Read for Few<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let few = buffer.len().min(5);
            self.0.read(&mut buffer[..few])
        }
    }

    /// The rows before what is wrong, and what that is.
    fn read(text: &str) -> (Vec<Vec<String>>, Option<String>) {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(ClosedQuotes::new(Few(text.as_bytes())));
        let mut rows = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => rows.push(record.iter().map(str::to_owned).collect()),
                Err(error) => return (rows, Some(error.to_string())),
            }
        }
        (rows, None)
    }

    #[test]
    fn the_rows_before_an_open_quote_are_read_and_its_line_is_named() {
        for (text, sound, line) in [
            ("\"", 0, 1),
            ("a,\"b\nc,d\n", 0, 1),
            ("a,b\nc,\"d\ne,f\n", 1, 2),
            ("a,b\r\nc,\"d\r\ne,f\r\n", 1, 2),
            ("a,\"b\nb\"\nc,\"d\n", 1, 3),
            ("a,b\nc,\"d\ne,\"f\"\ng,h\n", 1, 2),
            ("a,b\nc,\"d\ne,\"f\ng,h\n", 1, 2),
            ("a,b\nc,\"d\" \"\n", 1, 2),
            ("\u{feff}\"a\nb,c\n", 0, 1),
        ] {
            let (rows, why) = read(text);
            assert_eq!(rows.len(), sound, "{text:?}");
            let open = format!("line {line}: a quote is not closed where its field ends");
            assert_eq!(why, Some(open), "{text:?}");
        }
        let long = format!("a\n\"{}\"\n", "b".repeat(MOST_BYTES_QUOTED));
        assert_eq!(read(&long).1, None);
        assert!(read(&long.replacen("\"b", "\"bb", 1)).1.is_some());
    }

    #[test]
    fn fields_whose_quotes_are_closed_are_read_as_they_are() {
        for (text, last) in [
            ("a,\"b\nb\"\nc,d", "d"),
            ("a,\"b \"\"c\"\", d\"\n", "b \"c\", d"),
            ("a,12\" of paper\n", "12\" of paper"),
            ("a,\"\"\n", ""),
            ("a,\"b\"", "b"),
            ("a,\"b\" \r\n", "b "),
            ("\u{feff}\"a\",\"b\"\r\n\r\n", "b"),
        ] {
            let (rows, why) = read(text);
            assert_eq!(why, None, "{text:?}");
            assert_eq!(rows.last().and_then(|row| row.last()).map(String::as_str), Some(last));
        }
    }
}
