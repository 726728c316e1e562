//! Faults: the process killed, the database gone, the book tampered with.

mod auditor;
mod erasure;
pub(crate) mod kill_during_import;
mod kill_during_rebuild;
mod postgres_outage;
mod restore;
mod tampering;
