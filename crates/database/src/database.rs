//! A database of either engine.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::connection::Inner;
use crate::postgres::Server;
use crate::sqlite::SqliteFile;
use crate::{Connection, DatabaseError, Durability, Migrations};

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
    /// it forget what it acknowledged. Connections are driven by tasks on `handle`'s runtime,
    /// which must outlive the database and must not be of the current-thread kind.
    pub fn connect_postgres(
        url: &str,
        schema: &str,
        handle: Handle,
        migrations: &Migrations,
    ) -> Result<Database, DatabaseError> {
        let server = Server::connect(url, schema, handle, migrations.postgres)?;
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

    /// Reads from one snapshot: all statements of `work` see the same state. A connection that
    /// broke while it was idle is replaced before `work` starts.
    pub fn read<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        match &*self.0 {
            Kind::Sqlite(file) => {
                let mut connection = Connection(Inner::Sqlite(file.reader()?));
                let result = snapshot(&mut connection, work);
                if let (Ok(_), Inner::Sqlite(reader)) = (&result, connection.0) {
                    file.give_back(reader);
                }
                result
            }
            Kind::Postgres(server) => {
                let mut connection = Connection(Inner::Postgres(server.reader()?));
                snapshot(&mut connection, work)
            }
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

/// A reader comes with its snapshot begun; it is not used again unless it could be ended.
fn snapshot<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    let found = work(connection)?;
    connection.rollback()?;
    Ok(found)
}
