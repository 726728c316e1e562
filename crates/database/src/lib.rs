//! Opens SQLite files and PostgreSQL databases, checks that they are durable, and runs
//! statements on either.

mod error;

pub use error::DatabaseError;
