//! Faults: the process killed, the database gone, the book tampered with.

pub(crate) mod kill_during_import;
mod postgres_outage;
mod restore;
mod tampering;
