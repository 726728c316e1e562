//! Bringing to the disk what is read from the write-ahead log.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::error::from_sqlite;
use crate::DatabaseError;

const PIECE_BYTES: usize = 1 << 20;

/// Writes the log's bytes once more where they are, and syncs them.
///
/// After a sync has failed, Linux takes the pages that it could not write for written: they are
/// read as if they were there, and no later sync writes them
/// (<https://www.usenix.org/conference/atc20/presentation/rebello>). Of what is added to the log
/// after them a power cut would leave nothing, because SQLite reads a log up to its first gap. So
/// whoever begins to write after such a failure, or after a process that may have met one, makes
/// those pages new ones.
pub(super) fn settle(connection: &mut Connection, path: &Path) -> Result<(), DatabaseError> {
    // Nobody begins the log anew meanwhile.
    let turn = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| from_sqlite(&error, "settle the log"))?;
    // SQLite keeps the log beside the file itself, and not beside a link to it.
    let path = path.canonicalize().map_err(|error| unsettled(&error))?;
    let mut log = path.into_os_string();
    log.push("-wal");
    match OpenOptions::new().read(true).write(true).open(&log) {
        Ok(log) => write_again(&log).map_err(|error| unsettled(&error))?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(unsettled(&error)),
    }
    turn.rollback().map_err(|error| from_sqlite(&error, "settle the log"))
}

fn write_again(log: &File) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    loop {
        let length = log.read_at(&mut piece, offset)?;
        if length == 0 {
            return log.sync_data();
        }
        log.write_all_at(&piece[..length], offset)?;
        offset += length as u64;
    }
}

fn unsettled(error: &io::Error) -> DatabaseError {
    let why = format!("the write-ahead log cannot be written: {error}");
    match error.kind() {
        ErrorKind::StorageFull => DatabaseError::Full(why),
        _ => DatabaseError::Unavailable(why),
    }
}
