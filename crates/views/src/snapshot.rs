//! All rows as they are, for whoever compares them with the journal.

use quipu_database::Connection;
use quipu_domain::Position;
use quipu_projections::{Cell, Schema};

use crate::{ProjectionStatus, Views, ViewsError, cells, reads, statements};

/// Rows in one SELECT.
const PAGE_ROWS: i64 = 4096;

/// The views at one moment.
pub struct Snapshot<'a> {
    connection: &'a mut Connection,
}

impl Views {
    /// Lets `work` read from one snapshot.
    pub fn snapshot<T, E: From<ViewsError>>(
        &self,
        work: impl FnOnce(&mut Snapshot<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let read = self.database().read(|connection| Ok(work(&mut Snapshot { connection })));
        read.map_err(ViewsError::from)?
    }
}

impl Snapshot<'_> {
    /// Each projection, against the journal's head.
    pub fn projections(&mut self, head: Position) -> Result<Vec<ProjectionStatus>, ViewsError> {
        reads::projections(self.connection, head)
    }

    /// Hands every row of a table to `each`, all columns in the schema's order, sorted by key.
    pub fn each_row(
        &mut self,
        table: &'static Schema,
        each: &mut dyn FnMut(&[Cell]),
    ) -> Result<(), ViewsError> {
        let mut after = None;
        loop {
            let rows = statements::page(self.connection, table, after, PAGE_ROWS)?;
            let mut last = None;
            for row in &rows {
                let cells = cells::cells(row);
                each(&cells);
                last = Some(cells);
            }
            let Some(mut key) = last else { return Ok(()) };
            key.truncate(table.key_columns);
            after = Some(key);
        }
    }
}
