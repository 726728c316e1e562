//! Reading a whole journal, and passing on only what hashes to its roots.

use quipu_domain::{Position, Recorded};

use crate::{BatchRow, Journal, JournalError, Root, Tree, codec};

/// Reads a journal from its first event on. What it hands out is what was hashed when it was
/// written: the tree is made on the way, and the first row that does not lead to its root is an
/// error.
pub struct Checked {
    journal: Journal,
    chain: Chain,
}

/// The rows up to here.
pub(crate) struct Chain {
    tree: Tree,
    root: Root,
}

impl Checked {
    /// Before the first event.
    #[must_use]
    pub fn new(journal: Journal) -> Checked {
        Checked { journal, chain: Chain::default() }
    }

    /// Up to where it has read.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.chain.position()
    }

    /// The tree head there.
    #[must_use]
    pub const fn root(&self) -> Root {
        self.chain.root
    }

    /// The next rows' events, some `limit` of them, up to the row that holds `until`.
    pub fn page(&mut self, until: Position, limit: usize) -> Result<Vec<Recorded>, JournalError> {
        let mut events = Vec::with_capacity(limit);
        for row in self.rows(until, limit)? {
            codec::decode_row(&row, |_| true, &mut events)?;
        }
        Ok(events)
    }

    /// The next rows themselves, with some `limit` events, up to the one that holds `until`.
    pub fn rows(&mut self, until: Position, limit: usize) -> Result<Vec<BatchRow>, JournalError> {
        let mut rows = self.journal.rows_after(self.position(), limit)?;
        rows.truncate(rows.partition_point(|row| row.first_position <= until));
        rows.iter().try_for_each(|row| self.chain.row(row).map(drop))?;
        if rows.is_empty() && self.position() < until {
            return Err(self.chain.missing(&format!("the journal goes on to {until}")));
        }
        Ok(rows)
    }
}

impl Default for Chain {
    fn default() -> Chain {
        Chain { tree: Tree::default(), root: Root::empty() }
    }
}

impl Chain {
    pub(crate) const fn position(&self) -> Position {
        Position(self.tree.leaves())
    }

    pub(crate) const fn root(&self) -> Root {
        self.root
    }

    /// The next row, and its events' texts: they follow what is here, and hash to its root.
    pub(crate) fn row<'r>(&mut self, row: &'r BatchRow) -> Result<Vec<&'r str>, JournalError> {
        if row.first_position != self.position().plus(1) {
            return Err(self.missing(&format!("the next one begins at {}", row.first_position)));
        }
        let corrupt = |why| JournalError::Corrupt { position: row.first_position, why };
        if row.prev_root != self.root {
            return Err(corrupt(format!(
                "the row follows a journal with root {}, but the one before it has {}",
                row.prev_root, self.root
            )));
        }
        let texts: Vec<&str> = codec::texts(row)?.map(|(_, text)| text).collect();
        texts.iter().for_each(|text| self.tree.push(text.as_bytes()));
        self.root = self.tree.root();
        if self.root != row.root {
            return Err(corrupt(format!(
                "the bytes of positions {} to {} hash to {}, but the row says {}",
                row.first_position, row.last_position, self.root, row.root
            )));
        }
        Ok(texts)
    }

    /// The row after these is missing.
    pub(crate) fn missing(&self, but: &str) -> JournalError {
        let position = self.position().plus(1);
        let why = format!("the row of this position is missing: {but}");
        JournalError::Corrupt { position, why }
    }
}
