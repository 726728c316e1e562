//! The command line, by verb.

mod export;
mod import_postgres_es;
pub(crate) mod import_usage;
pub(crate) mod journal;
pub(crate) mod prove;
