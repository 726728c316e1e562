//! A database of either engine.

use std::path::Path;
use std::sync::Arc;

use crate::connection::Inner;
use crate::postgres::Server;
use crate::sqlite::SqliteFile;
use crate::{Connection, DatabaseError, Durability, Migrations, Row, RowsStatement, Value};

/// Which kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file of this process.
    Sqlite,
    /// A server.
    Postgres,
}

/// An open database whose schema is up to date. Cheap to clone.
#[derive(Clone)]
pub struct Database(Arc<Kind>);

enum Kind {
    Sqlite(SqliteFile),
    Postgres(Box<Server>),
}

impl Database {
    /// Opens a SQLite file, creating it where there is none.
    pub fn open_sqlite(
        path: &Path,
        durability: Durability,
        migrations: &Migrations,
    ) -> Result<Database, DatabaseError> {
        let file = SqliteFile::open(path, durability, migrations.sqlite)?;
        Ok(Database(Arc::new(Kind::Sqlite(file))))
    }

    /// Connects to a PostgreSQL database, `postgres://user@host/name`, and works in one of its
    /// schemas, which is created where there is none. Refuses a server whose settings would let
    /// it forget what it acknowledged.
    pub fn connect_postgres(
        url: &str,
        schema: &str,
        migrations: &Migrations,
    ) -> Result<Database, DatabaseError> {
        let server = Server::connect(url, schema, migrations.postgres)?;
        Ok(Database(Arc::new(Kind::Postgres(Box::new(server)))))
    }

    /// Which kind of database it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match &*self.0 {
            Kind::Sqlite(_) => Engine::Sqlite,
            Kind::Postgres(_) => Engine::Postgres,
        }
    }

    /// The SQLite file, where it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &*self.0 {
            Kind::Sqlite(file) => Some(file.path()),
            Kind::Postgres(_) => None,
        }
    }

    /// The settings that its durability rests on, as it reports them, for people.
    pub fn settings(&self) -> Result<Vec<(String, String)>, DatabaseError> {
        match &*self.0 {
            Kind::Sqlite(file) => file.settings(),
            Kind::Postgres(server) => server.settings(),
        }
    }

    /// What the database finds wrong with its own structures, such as an index that lacks an entry;
    /// nothing on PostgreSQL, which does not look by itself. Reads all of it.
    pub fn damage(&self) -> Result<Option<String>, DatabaseError> {
        match &*self.0 {
            Kind::Sqlite(file) => file.damage(),
            Kind::Postgres(_) => Ok(None),
        }
    }

    /// Reads from one snapshot: all statements of `work` see the same state. A connection that
    /// broke while it was idle is replaced before `work` starts.
    pub fn read<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let mut connection = Connection(match &*self.0 {
            Kind::Sqlite(file) => Inner::Sqlite(file.reader()?),
            Kind::Postgres(server) => Inner::Postgres(server.reader()?),
        });
        let found = work(&mut connection)?;
        match (&*self.0, connection.0) {
            (Kind::Sqlite(file), Inner::Sqlite(reader)) => file.end_read(reader)?,
            (_, Inner::Postgres(reader)) => reader.end_read(),
            _ => {}
        }
        Ok(found)
    }

    /// Runs one statement, and gives all its rows: [`read`](Self::read) where nothing else has to
    /// be seen in the same state.
    pub fn query(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        match &*self.0 {
            Kind::Sqlite(_) => self.read(|connection| connection.query(sql, params)),
            Kind::Postgres(server) => server.query(sql, params),
        }
    }

    /// Runs a query for all rows of parameters, and gives what it finds for any of them: for one
    /// row it may find what was not there yet for another.
    pub fn query_rows(
        &self,
        statement: &RowsStatement,
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, DatabaseError> {
        match &*self.0 {
            Kind::Sqlite(_) => self.read(|connection| connection.query_rows(statement, rows)),
            Kind::Postgres(server) => server.query_columns(statement.many, rows),
        }
    }

    /// A connection of one's own, to write: a new one at every call, so that a broken one can be
    /// thrown away and replaced.
    pub fn writer(&self) -> Result<Connection, DatabaseError> {
        Ok(Connection(match &*self.0 {
            Kind::Sqlite(file) => Inner::Sqlite(file.writer()?),
            Kind::Postgres(server) => Inner::Postgres(server.writer()?),
        }))
    }
}
