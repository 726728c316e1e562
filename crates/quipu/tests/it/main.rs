//! The command, run as a person runs it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod auditing;
mod auditors;
mod bench;
mod commands;
mod demo;
mod explain;
mod export;
mod help;
mod import;
mod import_postgres_es;
mod journal;
mod program;
mod proofs;
mod replay;
mod tampering;
