//! A database of either engine.

use std::path::Path;
use std::sync::Arc;

use crate::connection::Inner;
use crate::postgres::Server;
use crate::sqlite::SqliteFile;
use crate::{
    Connection, DatabaseError, Durability, Migrations, Row, RowsStatement, Value, migrations,
};

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

    /// Opens a SQLite file that is there and up to date, to be read and nothing else: neither it nor
    /// the folder that it lies in has to be writable, and neither is changed. Where somebody else
    /// writes to it, this process cannot before this is dropped: SQLite shares the log's index among
    /// all connections of a process.
    pub fn open_sqlite_read_only(
        path: &Path,
        migrations: &Migrations,
    ) -> Result<Database, DatabaseError> {
        const OURS: &str = "SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'";
        let database = Database(Arc::new(Kind::Sqlite(SqliteFile::open_read_only(path)?)));
        if database.query(OURS, &[])?.is_empty() {
            return Err(DatabaseError::Missing);
        }
        migrations::check(migrations.sqlite, &database.query(migrations::APPLIED, &[])?)?;
        Ok(database)
    }

    /// Connects to a PostgreSQL database in which there is the schema, up to date, to read it and
    /// nothing else: the role needs no more than USAGE of the schema and SELECT on its tables.
    pub fn connect_postgres_read_only(
        url: &str,
        schema: &str,
        migrations: &Migrations,
    ) -> Result<Database, DatabaseError> {
        let server = Server::connect_read_only(url, schema, migrations.postgres)?;
        Ok(Database(Arc::new(Kind::Postgres(Box::new(server)))))
    }

    /// The same database, with connections of its own to read by. PostgreSQL serves only so many at a
    /// time: whoever may not have to wait for what others read does not share theirs.
    #[must_use]
    pub fn with_own_readers(&self) -> Database {
        match &*self.0 {
            // A connection is made for whoever finds none.
            Kind::Sqlite(_) => self.clone(),
            Kind::Postgres(server) => {
                Database(Arc::new(Kind::Postgres(Box::new(server.with_own_readers()))))
            }
        }
    }

    /// Whether it was opened to be read and nothing else.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        match &*self.0 {
            Kind::Sqlite(file) => file.is_read_only(),
            Kind::Postgres(server) => server.is_read_only(),
        }
    }

    /// Refuses where it is: for whoever writes elsewhere before he writes to it.
    pub fn may_write(&self) -> Result<(), DatabaseError> {
        if self.is_read_only() {
            return Err(DatabaseError::Refused("the database was opened to be read only".into()));
        }
        Ok(())
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
            Kind::Sqlite(_) => match self.read(|one| one.query("PRAGMA integrity_check(1)", &[])) {
                Ok(rows) => {
                    let first = rows.first().map(|row| row.text(0)).transpose()?;
                    Ok(first.filter(|found| *found != "ok").map(ToOwned::to_owned))
                }
                Err(DatabaseError::Corrupt(why)) => Ok(Some(why)),
                Err(error) => Err(error),
            },
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
        let found = work(&mut connection);
        if let Inner::Sqlite(reader) = &connection.0 {
            // Before what was found, and before what seems to be wrong with it.
            reader.has_seen_one_state()?;
        }
        let found = found?;
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
            Kind::Sqlite(file) => file.once_more(|| self.read(|one| one.query(sql, params))),
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
            Kind::Sqlite(file) => {
                file.once_more(|| self.read(|one| one.query_rows(statement, rows)))
            }
            Kind::Postgres(server) => server.query_columns(statement.many, rows),
        }
    }

    /// A connection to read outside of any snapshot: on SQLite one of its own, which can attach
    /// another file.
    pub fn reader(&self) -> Result<Connection, DatabaseError> {
        Ok(Connection(match &*self.0 {
            Kind::Sqlite(file) => Inner::Sqlite(file.own_reader()?),
            Kind::Postgres(server) => Inner::Postgres(server.lent()?),
        }))
    }

    /// A connection of one's own, to write: a new one at every call, so that a broken one can be
    /// thrown away and replaced. There is none where it was opened to be read and nothing else.
    pub fn writer(&self) -> Result<Connection, DatabaseError> {
        self.may_write()?;
        Ok(Connection(match &*self.0 {
            Kind::Sqlite(file) => Inner::Sqlite(file.writer()?),
            Kind::Postgres(server) => Inner::Postgres(server.writer()?),
        }))
    }
}
