//! One SQLite connection, replaced after an input or output error.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, params_from_iter};

use super::read_only::{AtRest, changed};
use super::settle::settle;
use super::{Access, Place, error};
use crate::{DatabaseError, Row, Value};

pub(crate) struct SqliteConnection {
    place: Place,
    connection: Connection,
    /// An input or output error happened: what SQLite has in memory may differ from the file.
    broken: bool,
    /// What a file is like that is read without locks.
    at_rest: Option<AtRest>,
}

impl SqliteConnection {
    pub(super) fn open(place: Place) -> Result<SqliteConnection, DatabaseError> {
        let (mut connection, at_rest) = place.open()?;
        // Another process that wrote may have died of a sync that failed, since the file was opened.
        if place.access == Access::Write {
            settle(&mut connection, &place.path)?;
        }
        Ok(SqliteConnection { place, connection, broken: false, at_rest })
    }

    pub(crate) fn query(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.run(sql, |connection| {
            let mut found = Vec::new();
            collect(&mut *connection.prepare_cached(sql)?, params, &mut found)?;
            Ok(found)
        })
    }

    pub(crate) fn query_many(
        &mut self,
        sql: &'static str,
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.run(sql, |connection| {
            // Each statement outside a transaction would lock and unlock the file.
            let alone = connection.is_autocommit();
            let _snapshot = alone.then(|| connection.unchecked_transaction()).transpose()?;
            let mut statement = connection.prepare_cached(sql)?;
            let mut found = Vec::new();
            rows.iter().try_for_each(|row| collect(&mut statement, row, &mut found))?;
            Ok(found)
        })
    }

    pub(crate) fn execute(
        &mut self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<u64, DatabaseError> {
        self.run(sql, |connection| {
            Ok(connection.prepare_cached(sql)?.execute(params_from_iter(params))? as u64)
        })
    }

    pub(crate) fn execute_many(
        &mut self,
        sql: &'static str,
        rows: &[Vec<Value>],
    ) -> Result<u64, DatabaseError> {
        self.run(sql, |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            rows.iter().try_fold(0, |changed, row| {
                Ok(changed + statement.execute(params_from_iter(row))? as u64)
            })
        })
    }

    /// Takes the write lock at once: a transaction that reads first and then writes would fail
    /// when somebody else wrote in between.
    pub(crate) fn begin(&mut self) -> Result<(), DatabaseError> {
        if let Err(error) = self.checkpoint_when_due() {
            // The log has it all the same, and the next transaction tries again.
            tracing::warn!(%error, "the write-ahead log was not moved into the file");
        }
        self.execute("BEGIN IMMEDIATE", &[]).map(drop)
    }

    /// Moves what the log has into the file, once it is enough. SQLite would do that at the end of a
    /// commit, which then returns long after everybody can see what it has written.
    fn checkpoint_when_due(&mut self) -> Result<(), DatabaseError> {
        let waiting = self.query("PRAGMA wal_checkpoint(NOOP)", &[])?;
        let [Row(values)] = waiting.as_slice() else { return Ok(()) };
        if let [_, Value::Int(log_pages), Value::Int(moved_pages)] = values.as_slice()
            && log_pages - moved_pages >= self.place.most_log_pages()
        {
            self.query("PRAGMA wal_checkpoint(PASSIVE)", &[])?;
        }
        Ok(())
    }

    /// Commits do not wait for the disk from here on, until [`Self::end_relaxed`].
    pub(crate) fn begin_relaxed(&mut self) -> Result<(), DatabaseError> {
        self.synchronise("NORMAL")
    }

    /// Commits are as durable again as this database's are. A connection that cannot promise it
    /// is opened anew before its next statement.
    pub(crate) fn end_relaxed(&mut self) {
        self.broken |= self.synchronise(self.place.synchronous()).is_err();
    }

    fn synchronise(&mut self, mode: &str) -> Result<(), DatabaseError> {
        self.run("PRAGMA synchronous", |connection| {
            connection.pragma_update(None, "synchronous", mode)
        })
    }

    pub(crate) fn begin_read(&mut self) -> Result<(), DatabaseError> {
        // What it has in memory is of a file that was at rest.
        self.broken |= self.has_seen_one_state().is_err();
        self.execute("BEGIN DEFERRED", &[])?;
        if self.place.access == Access::ReadOnly {
            // The snapshot begins here, where it can be tried again.
            self.query("PRAGMA schema_version", &[])?;
        }
        Ok(())
    }

    /// Whether whatever has been read since the snapshot began was one state of the file: always
    /// where SQLite's locks see to it, and without them where nobody has written to it.
    pub(crate) fn has_seen_one_state(&self) -> Result<(), DatabaseError> {
        match &self.at_rest {
            Some(at_rest) if !at_rest.is_of(&self.place.path) => Err(changed(&self.place.path)),
            _ => Ok(()),
        }
    }

    pub(crate) fn commit(&mut self) -> Result<(), DatabaseError> {
        if self.broken || self.connection.is_autocommit() {
            self.rollback()?;
            let why = "the transaction was rolled back by an error in it".to_owned();
            return Err(DatabaseError::Statement { sql: "COMMIT".to_owned(), why });
        }
        self.execute("COMMIT", &[]).map(drop).map_err(|error| match error {
            // The commit may be in the log file complete although it could not be synced.
            DatabaseError::Unavailable(why) if self.broken => DatabaseError::CommitUnknown(why),
            other => other,
        })
    }

    pub(crate) fn rollback(&mut self) -> Result<(), DatabaseError> {
        if self.broken {
            // Closing the connection undoes what was open, whatever state it is in.
            self.reopen()
        } else if self.connection.is_autocommit() {
            Ok(())
        } else {
            self.execute("ROLLBACK", &[]).map(drop)
        }
    }

    fn run<T>(
        &mut self,
        sql: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, DatabaseError> {
        if self.broken {
            self.reopen()?;
        }
        work(&self.connection).map_err(|failure| {
            self.broken |= error::is_of_the_file(&failure);
            error::from_sqlite(&failure, sql)
        })
    }

    fn reopen(&mut self) -> Result<(), DatabaseError> {
        (self.connection, self.at_rest) = self.place.open()?;
        // The error may have been a sync's. Only now: the connection before it held a lock.
        if self.place.access == Access::Write {
            settle(&mut self.connection, &self.place.path)?;
        }
        self.broken = false;
        Ok(())
    }
}

fn collect(
    statement: &mut Statement<'_>,
    params: &[Value],
    found: &mut Vec<Row>,
) -> rusqlite::Result<()> {
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|index| read(row.get_ref(index)?, index));
        found.push(Row(values.collect::<Result<_, _>>()?));
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

fn read(value: ValueRef<'_>, index: usize) -> rusqlite::Result<Value> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(value) => Ok(Value::Int(value)),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::Text(text.to_owned())),
            Err(error) => Err(rusqlite::Error::Utf8Error(index, error)),
        },
        ValueRef::Blob(value) => Ok(Value::Blob(value.to_owned())),
        ValueRef::Real(_) => Err(rusqlite::Error::InvalidColumnType(
            index,
            "a floating-point number, which no column of ours holds".to_owned(),
            rusqlite::types::Type::Real,
        )),
    }
}
