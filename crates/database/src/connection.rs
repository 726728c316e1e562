//! One connection to either engine.

use crate::postgres::PostgresConnection;
use crate::sqlite::SqliteConnection;
use crate::{DatabaseError, Engine, Row, Value};

/// A statement for rows of parameters, as each engine runs it best.
#[derive(Clone, Copy, Debug)]
pub struct RowsStatement {
    /// SQLite's: it runs once per row, with the row's values as parameters.
    pub one: &'static str,
    /// PostgreSQL's, where a message costs more than a row: it runs once for many rows, and each
    /// parameter is the array of one column's values.
    pub many: &'static str,
}

/// A connection. Statements outside [`begin`](Self::begin) and [`commit`](Self::commit) are
/// transactions of their own. Dropping it rolls back what is open.
pub struct Connection(pub(crate) Inner);

pub(crate) enum Inner {
    Sqlite(SqliteConnection),
    Postgres(PostgresConnection),
}

macro_rules! on_either {
    ($self:ident, $connection:ident => $call:expr) => {
        match &mut $self.0 {
            Inner::Sqlite($connection) => $call,
            Inner::Postgres($connection) => $call,
        }
    };
}

impl Connection {
    /// A connection to a PostgreSQL database as it is, whatever the version of its tables.
    pub fn to_postgres(url: &str, schema: &str) -> Result<Connection, DatabaseError> {
        Ok(Connection(Inner::Postgres(PostgresConnection::connect(url, schema)?)))
    }

    /// Which engine it talks to.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self.0 {
            Inner::Sqlite(_) => Engine::Sqlite,
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement and gives all its rows.
    pub fn query(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>, DatabaseError> {
        on_either!(self, connection => connection.query(sql, params))
    }

    /// Runs a statement and gives the number of rows that it changed.
    pub fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DatabaseError> {
        on_either!(self, connection => connection.execute(sql, params))
    }

    /// Runs a statement once per row of parameters, in order, and gives the number of rows that
    /// it changed. On PostgreSQL they are sent without waiting for each other's answers.
    pub fn execute_many(
        &mut self,
        sql: &'static str,
        rows: &[Vec<Value>],
    ) -> Result<u64, DatabaseError> {
        on_either!(self, connection => connection.execute_many(sql, rows))
    }

    /// Runs a statement for all rows, and gives the number of rows that it changed.
    pub fn execute_rows(
        &mut self,
        statement: &RowsStatement,
        rows: &[Vec<Value>],
    ) -> Result<u64, DatabaseError> {
        match &mut self.0 {
            Inner::Sqlite(connection) => connection.execute_many(statement.one, rows),
            Inner::Postgres(connection) => connection.execute_columns(statement.many, rows),
        }
    }

    /// Runs a query for all rows of parameters, and gives what it finds for any of them.
    pub fn query_rows(
        &mut self,
        statement: &RowsStatement,
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, DatabaseError> {
        match &mut self.0 {
            Inner::Sqlite(connection) => connection.query_many(statement.one, rows),
            Inner::Postgres(connection) => connection.query_columns(statement.many, rows),
        }
    }

    /// Begins a transaction that will write.
    pub fn begin(&mut self) -> Result<(), DatabaseError> {
        on_either!(self, connection => connection.begin())
    }

    /// Ends a transaction. It is durable when this returns `Ok`, and cannot be committed after
    /// a statement in it has failed.
    pub fn commit(&mut self) -> Result<(), DatabaseError> {
        on_either!(self, connection => connection.commit())
    }

    /// Waits until all that was committed, by whomever, is as durable as the database's settings
    /// promise. After a crash what is read may be on no synchronous standby yet. (On SQLite, which
    /// knows no standby, opening a connection that writes has brought it to the disk.)
    pub fn settle(&mut self) -> Result<(), DatabaseError> {
        match &mut self.0 {
            Inner::Sqlite(_) => Ok(()),
            Inner::Postgres(connection) => connection.settle(),
        }
    }

    /// Undoes a transaction; does nothing where none is open.
    pub fn rollback(&mut self) -> Result<(), DatabaseError> {
        on_either!(self, connection => connection.rollback())
    }

    /// Runs work in a transaction: commits what succeeded, undoes what failed.
    pub fn transaction<T, E: From<DatabaseError>>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin()?;
        match work(self) {
            Ok(done) => {
                self.commit()?;
                Ok(done)
            }
            Err(error) => {
                if let Err(rollback) = self.rollback() {
                    tracing::warn!(%rollback, "rollback failed; the connection will be replaced");
                }
                Err(error)
            }
        }
    }

    /// As [`transaction`](Self::transaction), for what can be made again: a power cut may undo it, as a
    /// whole, after this returned `Ok`. It waits for no disk. What was committed before it stays,
    /// and it is as durable as what is committed after it.
    pub fn derived_transaction<T, E: From<DatabaseError>>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        if let Inner::Sqlite(connection) = &mut self.0 {
            connection.begin_relaxed()?;
        }
        let done = self.transaction(|connection| {
            if let Inner::Postgres(connection) = &mut connection.0 {
                connection.execute("SET LOCAL synchronous_commit TO off", &[])?;
            }
            work(connection)
        });
        if let Inner::Sqlite(connection) = &mut self.0 {
            connection.end_relaxed();
        }
        done
    }
}
