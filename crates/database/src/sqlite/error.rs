//! What SQLite's result codes mean to a caller.

use rusqlite::{Error, ErrorCode, ffi};

use crate::DatabaseError;

pub(crate) fn from_sqlite(error: &Error, sql: &str) -> DatabaseError {
    let why = error.to_string();
    let Error::SqliteFailure(failure, message) = error else {
        return match error {
            Error::Utf8Error(..) => DatabaseError::Corrupt(why),
            _ => DatabaseError::Statement { sql: sql.to_owned(), why },
        };
    };
    let message = || message.clone().unwrap_or_else(|| failure.to_string());
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            // "UNIQUE constraint failed: journal_batch.journal, journal_batch.root"
            let message = message();
            let columns = message.split_once(": ").map_or("", |(_, columns)| columns);
            return DatabaseError::UniqueViolation { constraint: columns.to_owned() };
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            return DatabaseError::ForeignKeyViolation { constraint: String::new() };
        }
        ffi::SQLITE_CONSTRAINT_TRIGGER => return DatabaseError::Refused(message()),
        // It is written to its full length when it is made, which fails where there is no room.
        ffi::SQLITE_IOERR_SHMSIZE => {
            return DatabaseError::Full(format!("the log's index cannot be made: {why}"));
        }
        _ => {}
    }
    match failure.code {
        ErrorCode::DiskFull => DatabaseError::Full(why),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => DatabaseError::Corrupt(why),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::SystemIoFailure => {
            DatabaseError::Unavailable(why)
        }
        ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            DatabaseError::Misconfigured(format!(
                "{why} ({sql}); check that the folder exists, and its permissions"
            ))
        }
        _ => DatabaseError::Statement { sql: sql.to_owned(), why },
    }
}

/// Whether the file, not the statement, is at fault.
pub(super) fn is_of_the_file(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_without_room_for_its_index_is_a_full_disk() {
        let error = |code| Error::SqliteFailure(ffi::Error::new(code), None);
        let full = from_sqlite(&error(ffi::SQLITE_IOERR_SHMSIZE), "open");
        assert!(matches!(full, DatabaseError::Full(_)), "{full:?}");
        let other = from_sqlite(&error(ffi::SQLITE_IOERR_READ), "open");
        assert!(other.is_unavailable(), "{other:?}");
    }
}
