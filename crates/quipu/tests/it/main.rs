//! The command, run as a person runs it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auditing;
mod bench;
mod commands;
mod demo;
mod help;
mod import;
mod program;
mod proofs;
