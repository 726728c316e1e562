//! The command line, by verb.

mod export;
pub(crate) mod import_usage;
pub(crate) mod journal;
pub(crate) mod prove;
