//! What PostgreSQL's error codes mean to a caller.

use tokio_postgres::Error;

use crate::DatabaseError;

pub(crate) fn from_postgres(error: &Error, sql: &str) -> DatabaseError {
    let Some(failure) = error.as_db_error() else {
        let why = text_of(error);
        return if is_of_the_connection(error) {
            DatabaseError::Unavailable(why)
        } else {
            DatabaseError::Statement { sql: sql.to_owned(), why }
        };
    };
    let why = failure.message().to_owned();
    let constraint = || failure.constraint().unwrap_or_default().to_owned();
    match failure.code().code() {
        "23505" => DatabaseError::UniqueViolation { constraint: constraint() },
        "23503" => DatabaseError::ForeignKeyViolation { constraint: constraint() },
        "P0001" => DatabaseError::Refused(why),
        "53100" => DatabaseError::Full(why),
        "XX001" | "XX002" => DatabaseError::Corrupt(why),
        // Shutting down, crashed, starting up, too many connections, a standby's read-only state
        // after a failover, a lock or a serialisation conflict, a timeout or somebody who cancelled
        // it: all pass.
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25006" | "40001" | "40P01" | "55P03"
        | "57014" | "25P03" | "25P04" => DatabaseError::Unavailable(why),
        code if code.starts_with("08") => DatabaseError::Unavailable(why),
        // Role, password, database.
        code if code.starts_with("28") || code == "3D000" => {
            DatabaseError::Misconfigured(format!("PostgreSQL refuses the connection: {why}"))
        }
        "42501" => DatabaseError::Misconfigured(format!("PostgreSQL refuses it: {why}")),
        // What the values are, and how long.
        code if code.starts_with("22") || code.starts_with("54") => {
            DatabaseError::Values { sql: sql.to_owned(), why }
        }
        _ => DatabaseError::Statement { sql: sql.to_owned(), why },
    }
}

/// Why there is no connection. What is not known to pass is in the URL, or in what it leads to.
pub(super) fn from_connecting(error: &Error) -> DatabaseError {
    let (DatabaseError::Statement { why, .. } | DatabaseError::Values { why, .. }) =
        from_postgres(error, "connect")
    else {
        return from_postgres(error, "connect");
    };
    // The driver has no kind for it.
    let advice = if why.ends_with("password missing") {
        "; write it into the URL, as in postgres://user:password@host/database"
    } else {
        ""
    };
    DatabaseError::Misconfigured(format!("no connection to PostgreSQL: {why}{advice}"))
}

/// A closed connection, a failed connect, a socket error: anything with an I/O error in it.
fn is_of_the_connection(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    error.is_closed() || error.to_string().starts_with("error connecting")
}

fn text_of(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) if !error.to_string().contains(&cause.to_string()) => {
            format!("{error}: {cause}")
        }
        _ => error.to_string(),
    }
}
