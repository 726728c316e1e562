//! Somebody else's database: read, never written to, and none of our tables in it.

use std::pin::Pin;

use futures::stream::Fuse;
use futures::{StreamExt, TryStreamExt};
use tokio_postgres::RowStream;

use super::client::Client;
use super::connection::BEGIN_READ;
use super::error::from_postgres;
use super::{parse, value};
use crate::{DatabaseError, Row, Value};

/// Somebody else's PostgreSQL database in one snapshot, read-only: nothing is created in it, and
/// whatever is written to it meanwhile is not seen.
pub struct ForeignDatabase(Client);

/// The rows of a query, as many at a time as are asked for.
pub struct ForeignRows<'a> {
    /// Fused, because a stream of this kind must not be asked again after its end.
    rows: Pin<Box<Fuse<RowStream>>>,
    client: &'a Client,
}

impl ForeignDatabase {
    /// Connects by URL, `postgres://user@host/name`, and takes the snapshot.
    pub fn connect_postgres(url: &str) -> Result<ForeignDatabase, DatabaseError> {
        let client = Client::connect(&parse(url)?)?;
        let begun = client.wait(client.batch_execute(BEGIN_READ));
        begun.map_err(|error| from_postgres(&error, "connect"))?;
        Ok(ForeignDatabase(client))
    }

    /// Runs a query and gives all its rows. The text need not be static: the names of somebody
    /// else's tables are not known beforehand, see [`quoted_name`].
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        self.stream(sql, params)?.page(usize::MAX)
    }

    /// Runs a query whose rows do not fit into memory.
    pub fn stream(&self, sql: &str, params: &[Value]) -> Result<ForeignRows<'_>, DatabaseError> {
        let client = &self.0;
        let rows = client.wait(client.query_raw(sql, params));
        let rows = rows.map_err(|error| from_postgres(&error, sql))?;
        Ok(ForeignRows { rows: Box::pin(rows.fuse()), client })
    }
}

impl ForeignRows<'_> {
    /// The next rows, at most so many; none only at the end.
    pub fn page(&mut self, most: usize) -> Result<Vec<Row>, DatabaseError> {
        let page = self.rows.by_ref().take(most).map(|row| value::read(&row?));
        self.client
            .wait(page.try_collect())
            .map_err(|error| from_postgres(&error, "a query of a foreign database"))
    }
}

/// A table's name, with or without its schema, as SQL takes any name: in quotes.
#[must_use]
pub fn quoted_name(name: &str) -> String {
    let quoted = |part: &str| format!("\"{}\"", part.replace('"', "\"\""));
    name.split('.').map(quoted).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_quotes() {
        assert_eq!(quoted_name("events"), "\"events\"");
        assert_eq!(quoted_name("shop.Events"), "\"shop\".\"Events\"");
        assert_eq!(quoted_name("a\"; drop table b; --"), "\"a\"\"; drop table b; --\"");
    }
}
