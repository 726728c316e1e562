//! Faults: the process killed, the power cut, the disk full or broken, the database gone, the book tampered with.

mod auditor;
mod erasure;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(target_os = "linux")]
mod io_errors;
pub(crate) mod kill_during_import;
mod kill_during_rebuild;
mod postgres_outage;
#[cfg(target_os = "linux")]
mod power_cut;
mod restore;
mod take_over;
mod tampering;
mod waiting;
