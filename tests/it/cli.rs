//! The command line, by verb.

pub(crate) mod import_usage;
pub(crate) mod journal;
pub(crate) mod prove;
