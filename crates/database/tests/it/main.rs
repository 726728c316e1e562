//! Databases are opened, read and written the same way on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod either_engine;
mod items;
mod postgres;
mod read_only;
mod sqlite;
