//! What is folded and not in memory.

use std::sync::{Mutex, PoisonError};

use quipu_database::Connection;
use quipu_domain::{Position, Recorded};
use quipu_projections::{Cell, Schema, Source};

use crate::saver::Saver;
use crate::{Feed, ViewsError, cells, statements};

/// Rows from the database, earlier events from the journal. Threads that fold side by side take
/// turns at the connection.
pub(crate) struct Stored<'a> {
    connection: Mutex<&'a mut (dyn Lend + Send)>,
    feed: &'a dyn Feed,
}

/// Somebody who has a connection.
pub(crate) trait Lend {
    /// Lends it.
    fn connection(&mut self) -> Result<&mut Connection, ViewsError>;
}

impl<'a> Stored<'a> {
    pub(crate) fn new(connection: &'a mut (dyn Lend + Send), feed: &'a dyn Feed) -> Stored<'a> {
        Stored { connection: Mutex::new(connection), feed }
    }
}

impl Source for &Stored<'_> {
    type Error = ViewsError;

    fn rows(
        &mut self,
        table: &'static Schema,
        keys: &[Vec<Cell>],
    ) -> Result<Vec<Vec<Cell>>, ViewsError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let found = statements::load(connection.connection()?, table, keys)?;
        Ok(found.iter().map(cells::cells).collect())
    }

    fn events(&mut self, positions: &[Position]) -> Result<Vec<Recorded>, ViewsError> {
        Ok(self.feed.events_at(positions)?)
    }
}

impl Lend for Connection {
    fn connection(&mut self) -> Result<&mut Connection, ViewsError> {
        Ok(self)
    }
}

impl Lend for Saver {
    fn connection(&mut self) -> Result<&mut Connection, ViewsError> {
        Saver::connection(self)
    }
}
