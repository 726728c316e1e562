//! Given events, then rows: each projection by the question that it answers. Every case is also
//! folded in pages of other sizes.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod accounts;
mod audit_log;
mod balances;
mod catalogue;
mod entries;
mod holds;
mod parking;
mod support;
mod tenants;
mod usage;
