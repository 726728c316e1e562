//! The lease: who may write. It makes forks rare; the constraints make them impossible.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use quipu_database::{Connection, DatabaseError};

use super::{JOURNAL, SCHEMA, statement};
use crate::JournalError;

/// The lease by itself, of a journal whose tables may be of an older version: while it is held,
/// nobody writes to them.
pub struct HeldLease {
    _lock: Option<File>,
    _connection: Option<Connection>,
}

impl HeldLease {
    /// That of the journal in a SQLite file.
    pub fn of_sqlite(database: &Path) -> Result<HeldLease, JournalError> {
        let lock = lock_file(database, Duration::ZERO)?;
        Ok(HeldLease { _lock: Some(lock), _connection: None })
    }

    /// The file that is locked for a journal in a SQLite file.
    #[must_use]
    pub fn file_of_sqlite(database: &Path) -> PathBuf {
        database.with_extension("lock")
    }

    /// That of the journal in a PostgreSQL database.
    pub fn of_postgres(url: &str) -> Result<HeldLease, JournalError> {
        let mut connection = Connection::to_postgres(url, SCHEMA)?;
        lock_session(&mut connection, Duration::ZERO)?;
        Ok(HeldLease { _lock: None, _connection: Some(connection) })
    }
}

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Locks a file beside the SQLite file: the system frees it when the process ends, however it
/// ends. The file says who holds it, for people.
pub(super) fn lock_file(database: &Path, patience: Duration) -> Result<File, JournalError> {
    let path = HeldLease::file_of_sqlite(database);
    let failed = |error: std::io::Error| {
        let why = format!("cannot lock {}: {error}", path.display());
        JournalError::Database(DatabaseError::Misconfigured(why))
    };
    let mut options = OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    poll(patience, || match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    })
    .and_then(|locked| {
        if locked {
            return Ok(());
        }
        let mut holder = String::new();
        (&file).read_to_string(&mut holder).map_err(failed)?;
        Err(JournalError::LeaseHeld { holder: holder.trim().to_owned() })
    })?;
    let described = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| {
        let pid = std::process::id();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let on = if host.is_empty() { "" } else { " on " };
        let now = jiff::Timestamp::now().strftime("%FT%TZ");
        writeln!(file, "quipu writer pid {pid}{on}{} since {now}", host.trim())
    });
    described.map_err(failed)?;
    Ok(file)
}

/// Takes a session lock on the writer's own connection: lost with it, and held by a backend
/// that has not noticed yet that its client is gone, until its transaction is over.
pub(super) fn lock_session(
    connection: &mut Connection,
    patience: Duration,
) -> Result<(), JournalError> {
    let locked = poll(patience, || {
        let rows = connection.query(statement::TRY_LEASE, &[JOURNAL.into()])?;
        Ok(rows.first().is_some_and(|row| row.int(0) == Ok(1)))
    })?;
    if locked {
        return Ok(());
    }
    let rows = connection.query(statement::LEASE_HOLDER, &[JOURNAL.into()])?;
    let holder = match rows.first() {
        Some(row) => format!(
            "{} (backend {} from {}, connected since {})",
            row.text(0)?,
            row.int(1)?,
            row.text(2)?,
            row.text(3)?
        ),
        None => "somebody who has just ended".to_owned(),
    };
    Err(JournalError::LeaseHeld { holder })
}

/// Tries until it succeeds or time is up, and at least once.
fn poll(
    patience: Duration,
    mut attempt: impl FnMut() -> Result<bool, JournalError>,
) -> Result<bool, JournalError> {
    let started = Instant::now();
    while !attempt()? {
        let left = patience.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(false);
        }
        std::thread::sleep(POLL_INTERVAL.min(left));
    }
    Ok(true)
}
