//! The databases as a person finds them, without the program.

pub(crate) mod plain_sql;
