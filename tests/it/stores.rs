//! The databases as a person finds them, without the program.

mod newer_program;
mod older_program;
pub(crate) mod plain_sql;
