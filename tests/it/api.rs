//! Over HTTP, by path.

mod accounts;
mod bad_input;
mod commands;
mod debits;
mod holds;
mod idempotency;
mod periods;
mod subjects;
pub(crate) mod usage;
