//! Writing rows, segments and snapshots on a connection of one's own.

use std::fs::File;

use quipu_database::{Connection, Database, DatabaseError, Engine, Value};
use quipu_domain::Stream;

use super::row::params_of_batch;
use super::{JOURNAL, lease, statement};
use crate::{AppendError, Appender, BatchRow, JournalError, Lease, SealedSegment, Snapshot};

pub(super) struct SqlAppender {
    /// Closed before the lease is given back.
    connection: Connection,
    /// On PostgreSQL the connection itself holds the lease.
    _lock: Option<File>,
}

impl SqlAppender {
    pub(super) fn acquire(database: &Database, lease: Lease) -> Result<SqlAppender, JournalError> {
        let lock = match (lease, database.path()) {
            (Lease::Wait(patience), Some(path)) => Some(lease::lock_file(path, patience)?),
            _ => None,
        };
        let mut connection = database.writer()?;
        if let (Lease::Wait(patience), Engine::Postgres) = (lease, database.engine()) {
            lease::lock_session(&mut connection, patience)?;
        }
        // Who asks again is answered from what is read, as if it had just been committed.
        connection.settle()?;
        Ok(SqlAppender { connection, _lock: lock })
    }

    fn insert(&mut self, rows: Vec<BatchRow>) -> Result<(), AppendError> {
        let rows: Vec<Vec<Value>> =
            rows.into_iter().map(|row| params_of_batch(JOURNAL, row)).collect();
        if let ([row], Engine::Postgres) = (rows.as_slice(), self.connection.engine()) {
            // One statement is a transaction: one round trip in place of three.
            return match self.connection.execute(statement::APPEND, row) {
                Ok(_) => Ok(()),
                Err(error @ (DatabaseError::Unavailable(_) | DatabaseError::CommitUnknown(_))) => {
                    Err(AppendError::Unknown(error.into()))
                }
                Err(error) => Err(refused(error)),
            };
        }
        self.connection.begin().map_err(refused)?;
        self.connection.execute_many(statement::APPEND, &rows).map_err(refused)?;
        self.connection.commit().map_err(|error| match error {
            DatabaseError::CommitUnknown(_) => AppendError::Unknown(error.into()),
            _ => AppendError::Failed(error.into()),
        })
    }
}

impl Appender for SqlAppender {
    fn append(&mut self, rows: Vec<BatchRow>) -> Result<(), AppendError> {
        let result = self.insert(rows);
        if result.is_err()
            && let Err(error) = self.connection.rollback()
        {
            // The error above says what became of the rows; this connection is done for.
            tracing::debug!(%error, "rollback after a failed append");
        }
        result
    }

    fn save_segment(&mut self, segment: &SealedSegment) -> Result<(), JournalError> {
        let (first, last) = (segment.first_position.0, segment.end.position.0);
        let peaks: Vec<u8> = segment.end.peaks.iter().flat_map(|peak| peak.0).collect();
        let overlapping = [JOURNAL.into(), Value::from(first), last.into()];
        let saved = [
            JOURNAL.into(),
            first.into(),
            last.into(),
            segment.end.recorded_at.micros().into(),
            peaks.into(),
            segment.keys.clone().into(),
        ];
        // Memory gives up what is saved, and the database may crash while this process goes on.
        self.connection.transaction(|connection| {
            connection.execute(statement::FORGET_SEGMENTS, &overlapping)?;
            connection.execute(statement::SAVE_SEGMENT, &saved)?;
            save_postings(connection, segment)
        })
    }

    fn save_snapshots(&mut self, snapshots: &[Snapshot]) -> Result<(), JournalError> {
        let row = |snapshot: &Snapshot| {
            vec![
                JOURNAL.into(),
                snapshot.stream.as_str().into(),
                snapshot.version.0.into(),
                snapshot.position.0.into(),
                snapshot.schema_hash.as_str().into(),
                snapshot.state.as_str().into(),
            ]
        };
        let superseded = |snapshot: &Snapshot| {
            let version = snapshot.supersedes?;
            Some(vec![JOURNAL.into(), snapshot.stream.as_str().into(), version.0.into()])
        };
        let saved: Vec<Vec<Value>> = snapshots.iter().map(row).collect();
        let forgotten: Vec<Vec<Value>> = snapshots.iter().filter_map(superseded).collect();
        self.connection.derived_transaction(|connection| {
            connection.execute_rows(&statement::SAVE_SNAPSHOT, &saved)?;
            // Last: one of these may supersede another of them.
            connection.execute_rows(&statement::FORGET_SNAPSHOT, &forgotten)?;
            Ok(())
        })
    }

    fn check(&mut self) -> Result<(), JournalError> {
        match self.connection.engine() {
            // The lock is this process's as long as it has the file open.
            Engine::Sqlite => Ok(()),
            Engine::Postgres => {
                self.connection.query(statement::PING, &[])?;
                Ok(())
            }
        }
    }
}

fn save_postings(connection: &mut Connection, segment: &SealedSegment) -> Result<(), JournalError> {
    let (first, last) =
        (Value::from(segment.first_position.0), Value::from(segment.end.position.0));
    let list = |(stream, positions): &(Stream, Vec<u8>)| {
        let (stream, positions) = (stream.as_str().into(), positions.clone().into());
        vec![JOURNAL.into(), stream, last.clone(), first.clone(), positions]
    };
    let rows: Vec<Vec<Value>> = segment.postings.iter().map(list).collect();
    connection.execute_rows(&statement::SAVE_POSTING, &rows)?;
    Ok(())
}

/// Only the journal's own constraints say that somebody else has appended: a row that follows
/// what is not the head, or not there at all.
fn refused(error: DatabaseError) -> AppendError {
    match &error {
        DatabaseError::UniqueViolation { constraint } if constraint.contains("journal_batch") => {
            AppendError::NotHead
        }
        // SQLite does not name a foreign key; the rows of this table have only the one.
        DatabaseError::ForeignKeyViolation { constraint }
            if constraint.is_empty() || constraint == "journal_batch_prev_root_fkey" =>
        {
            AppendError::NotHead
        }
        _ => AppendError::Failed(error.into()),
    }
}
