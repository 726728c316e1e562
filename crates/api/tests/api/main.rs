//! The HTTP interface over a real engine and real views, as its callers see it.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

mod app;
mod bad_input;
mod commands;
mod conventions;
mod documentation;
mod events;
mod explain;
mod health;
mod idempotency;
mod personal;
mod proofs;
mod queries;
mod reads;
mod server;
mod time_travel;
mod unique_keys;
mod usage;
mod wallet;
