//! SQLite: one file, one writing connection at a time, readers beside it.

mod connection;
mod error;
mod read_only;
mod settle;

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::{DatabaseError, migrations};
pub(crate) use connection::SqliteConnection;
pub(crate) use error::from_sqlite;
use read_only::AtRest;
use settle::settle;

/// Before this release a race between a checkpoint and a write could corrupt a database in WAL
/// mode ("the WAL reset bug", 3.7.0 to 3.51.2).
const OLDEST_VERSION: i32 = 3_051_003;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const MOST_IDLE_READERS: usize = 8;

/// What a commit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: a commit is on the disk when it returns. For what is the truth.
    Full,
    /// A crash of the process; a power cut may undo the newest commits, in order. For what can
    /// be derived again.
    Derived,
}

/// A SQLite database and its idle readers.
pub(crate) struct SqliteFile {
    place: Place,
    idle_readers: Mutex<Vec<SqliteConnection>>,
}

/// Where the file is and how to open it: enough to open it again.
#[derive(Clone)]
pub(crate) struct Place {
    path: PathBuf,
    durability: Durability,
    access: Access,
    /// What it is like where it is read with a log that nobody keeps.
    unkept: Option<Arc<AtRest>>,
}

/// What a connection may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    /// Read a file that this program has opened to write to it as well.
    Read,
    /// Read, and leave the file and its folder as they are.
    ReadOnly,
}

impl SqliteFile {
    pub(crate) fn open(
        path: &Path,
        durability: Durability,
        scripts: &[(&str, &str)],
    ) -> Result<SqliteFile, DatabaseError> {
        let place =
            Place { path: path.to_owned(), durability, access: Access::Write, unkept: None };
        // Programs that start together take turns. The folder is locked, not the file: to close
        // the file a second time in a process gives up SQLite's own locks on it.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let turn = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| {
            folder.lock()?;
            Ok(folder)
        });
        let _turn = turn.map_err(|error| {
            DatabaseError::Misconfigured(format!(
                "cannot open the folder of {}: {error}; check that it exists",
                path.display()
            ))
        })?;
        let (mut connection, _) = place.open()?;
        // The last connection to close moves the log into the file: any of this process may be that
        // one, so the log is on the disk before there is another.
        let leave_log = |connection: &Connection, leave| {
            connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave)
                .map_err(|error| place.failed(&error))
        };
        leave_log(&connection, true)?;
        settle(&mut connection, path)?;
        leave_log(&connection, false)?;
        migrations::runner(scripts)?.run(&mut connection).map_err(migrations::failed)?;
        Ok(SqliteFile { place, idle_readers: Mutex::default() })
    }

    pub(crate) fn open_read_only(path: &Path) -> Result<SqliteFile, DatabaseError> {
        // SQLite keeps the log beside the file itself, and not beside a link to it.
        let path = path.canonicalize().map_err(|error| match error.kind() {
            ErrorKind::NotFound => DatabaseError::Missing,
            _ => DatabaseError::Misconfigured(format!("cannot read {}: {error}", path.display())),
        })?;
        let mut place =
            Place { path, durability: Durability::Full, access: Access::ReadOnly, unkept: None };
        place.unkept = read_only::begin(&place.path, |error| place.failed(error))?.map(Arc::new);
        Ok(SqliteFile { place, idle_readers: Mutex::default() })
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.place.access == Access::ReadOnly
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place.path
    }

    pub(crate) fn settings(&self) -> Result<Vec<(String, String)>, DatabaseError> {
        let (connection, _) = self.place.open()?;
        let pragma = |name: &str| -> Result<String, DatabaseError> {
            let value = connection
                .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
                .map_err(|error| from_sqlite(&error, name))?;
            Ok(match value {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => format!("{other:?}"),
            })
        };
        let mut settings = vec![("sqlite_version".to_owned(), rusqlite::version().to_owned())];
        for name in ["journal_mode", "synchronous", "foreign_keys", "mmap_size"] {
            settings.push((name.to_owned(), pragma(name)?));
        }
        Ok(settings)
    }

    pub(crate) fn writer(&self) -> Result<SqliteConnection, DatabaseError> {
        SqliteConnection::open(self.place.clone())
    }

    /// A reader that is in no snapshot.
    pub(crate) fn own_reader(&self) -> Result<SqliteConnection, DatabaseError> {
        let access = if self.is_read_only() { Access::ReadOnly } else { Access::Read };
        SqliteConnection::open(Place { access, ..self.place.clone() })
    }

    /// A reader in a snapshot.
    pub(crate) fn reader(&self) -> Result<SqliteConnection, DatabaseError> {
        let idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = idle.map_or_else(|| self.own_reader(), Ok)?;
        reader.begin_read()?;
        Ok(reader)
    }

    /// Reads again where somebody has begun to write to a file that was at rest. Where it had no log,
    /// it is read beside him from now on.
    pub(crate) fn once_more<T>(
        &self,
        read: impl Fn() -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        match read() {
            Err(DatabaseError::Unavailable(_)) if self.is_read_only() => read(),
            read => read,
        }
    }

    /// Ends a reader's snapshot. It is not used again unless that could be done.
    pub(crate) fn end_read(&self, mut reader: SqliteConnection) -> Result<(), DatabaseError> {
        reader.rollback()?;
        let mut idle = self.idle_readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE_READERS {
            idle.push(reader);
        }
        Ok(())
    }
}

/// In KiB, which SQLite takes as a number below zero. Its own 2 MiB do not hold the keys of a large
/// table, and each read goes down through them: with ten million events, what a balance as of a
/// moment costs over a plain read fell from 0.7 ms to 0.55.
const READER_CACHE: i64 = -16_384;
/// Whoever writes what is derived writes whole pages of rows at a time, and the same ones again.
const DERIVED_WRITER_CACHE: i64 = -65_536;

impl Place {
    /// How many pages the log may hold that are not in the file. What is derived rewrites its pages
    /// over and over: only the last of them has to get into the file.
    fn most_log_pages(&self) -> i64 {
        match self.durability {
            Durability::Full => 1_000,
            Durability::Derived => 16_384,
        }
    }

    fn synchronous(&self) -> &'static str {
        match self.durability {
            Durability::Full => "FULL",
            Durability::Derived => "NORMAL",
        }
    }

    /// A connection; where it takes no locks, with what the file is like for as long as it needs
    /// none.
    fn open(&self) -> Result<(Connection, Option<AtRest>), DatabaseError> {
        if rusqlite::version_number() < OLDEST_VERSION {
            return Err(DatabaseError::Misconfigured(format!(
                "SQLite {} can corrupt a database in WAL mode; build with 3.51.3 or newer",
                rusqlite::version()
            )));
        }
        let failed = |error| self.failed(&error);
        let (connection, at_rest) = match self.access {
            Access::ReadOnly => {
                read_only::open(&self.path, self.unkept.as_deref(), |error| self.failed(error))?
            }
            Access::Write | Access::Read => (self.open_with_log()?, None),
        };
        let pragmas: [(&str, &dyn rusqlite::ToSql); 8] = [
            ("synchronous", &self.synchronous()),
            ("foreign_keys", &true),
            // A file error under a memory map would be a signal that ends the process.
            ("mmap_size", &0),
            ("trusted_schema", &false),
            // macOS: fsync alone leaves the data in the drive's cache.
            ("fullfsync", &true),
            ("checkpoint_fullfsync", &true),
            ("query_only", &(self.access != Access::Write)),
            // A transaction looks after the log before it begins: see `SqliteConnection::begin`.
            // This is for statements outside of one, of which there may be many in a row.
            ("wal_autocheckpoint", &(4 * self.most_log_pages())),
        ];
        for (name, value) in pragmas {
            connection.pragma_update(None, name, value).map_err(failed)?;
        }
        let cache = match (self.access, self.durability) {
            (Access::Read | Access::ReadOnly, _) => Some(READER_CACHE),
            (Access::Write, Durability::Full) => None,
            (Access::Write, Durability::Derived) => Some(DERIVED_WRITER_CACHE),
        };
        if let Some(cache) = cache {
            connection.pragma_update(None, "cache_size", cache).map_err(failed)?;
        }
        // Without this, a build with STAT4 parses and plans a prepared statement again each time a
        // bound value that it compares with changes; the profile of deciding on cold wallets
        // showed the parser first.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(128);
        Ok((connection, at_rest))
    }

    /// A connection to a file that has a write-ahead log from then on, and is made where it is not
    /// there.
    fn open_with_log(&self) -> Result<Connection, DatabaseError> {
        let failed = |error| self.failed(&error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        let mode: String = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .map_err(failed)?;
        if mode != "wal" {
            return Err(DatabaseError::Misconfigured(format!(
                "{} cannot use a write-ahead log (journal_mode stays {mode}); \
                 put it on a local disk, not on a network share",
                self.path.display()
            )));
        }
        Ok(connection)
    }

    fn failed(&self, error: &rusqlite::Error) -> DatabaseError {
        from_sqlite(error, &format!("open {}", self.path.display()))
    }
}
