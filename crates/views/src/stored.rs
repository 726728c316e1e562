//! What is folded and not in memory.

use std::sync::{Mutex, PoisonError};

use quipu_database::{Connection, Row};
use quipu_domain::{Position, Recorded};
use quipu_projections::{Cell, Schema, Source};

use crate::{Feed, ViewsError, cells, statements};

/// Rows from the database, earlier events from the journal. Threads that fold side by side take
/// turns at the rows.
pub(crate) struct Stored<'a> {
    rows: Mutex<&'a mut (dyn LoadRows + Send)>,
    feed: &'a dyn Feed,
}

/// Who finds rows in the database.
pub(crate) trait LoadRows {
    /// The rows with these keys, those that exist.
    fn load(&mut self, table: &Schema, keys: &[Vec<Cell>]) -> Result<Vec<Row>, ViewsError>;
}

impl<'a> Stored<'a> {
    pub(crate) fn new(rows: &'a mut (dyn LoadRows + Send), feed: &'a dyn Feed) -> Stored<'a> {
        Stored { rows: Mutex::new(rows), feed }
    }
}

impl Source for &Stored<'_> {
    type Error = ViewsError;

    fn rows(
        &mut self,
        table: &'static Schema,
        keys: &[Vec<Cell>],
    ) -> Result<Vec<Vec<Cell>>, ViewsError> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let found = rows.load(table, keys)?;
        Ok(found.iter().map(cells::cells).collect())
    }

    fn events(&mut self, positions: &[Position]) -> Result<Vec<Recorded>, ViewsError> {
        Ok(self.feed.events_at(positions)?)
    }
}

impl LoadRows for Connection {
    fn load(&mut self, table: &Schema, keys: &[Vec<Cell>]) -> Result<Vec<Row>, ViewsError> {
        statements::load(self, table, keys)
    }
}
