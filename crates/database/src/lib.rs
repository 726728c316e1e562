//! Opens SQLite files and PostgreSQL databases, checks that they are durable, and runs
//! statements on either.
//!
//! Calls block: they belong on plain threads, never on a thread that runs async tasks. One SQL
//! text serves both engines where it can: parameters are `$1`, `$2` ... in ascending order of
//! first appearance, integers are BIGINT, texts TEXT, bytes BLOB or BYTEA.
//!
//! ```
//! # use quipu_database::{Database, DatabaseError, Durability, Migrations};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! const MIGRATIONS: Migrations = Migrations {
//!     sqlite: &[("0001_note", "CREATE TABLE note (text TEXT NOT NULL) STRICT")],
//!     postgres: &[("0001_note", "CREATE TABLE note (text TEXT NOT NULL)")],
//! };
//! let path = folder.path().join("notes.db");
//! let database = Database::open_sqlite(&path, Durability::Full, &MIGRATIONS)?;
//! let mut writer = database.writer()?;
//! writer.execute("INSERT INTO note (text) VALUES ($1)", &["hello".into()])?;
//! let rows = database.query("SELECT text FROM note", &[])?;
//! assert_eq!(rows[0].text(0)?, "hello");
//! # Ok(())
//! # }
//! ```
//!
//! **Absent from this crate:** any table of ours, and any knowledge of what is stored.

mod connection;
mod database;
mod error;
mod migrations;
mod postgres;
mod sqlite;
mod value;

pub use connection::{Connection, RowsStatement};
pub use database::{Database, Engine};
pub use error::DatabaseError;
pub use migrations::Migrations;
pub use postgres::{ForeignDatabase, ForeignRows, quoted_name};
pub use sqlite::Durability;
pub use value::{Row, Value};
