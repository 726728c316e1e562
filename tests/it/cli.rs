//! The command line, by verb.

mod export;
pub(crate) mod import_usage;
