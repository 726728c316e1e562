//! Given events, then rows: each projection by the question that it answers. Every case is also
//! folded in pages of other sizes.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod accounts;
mod activity;
mod audit_line;
mod balances;
mod catalogue;
mod explain;
mod history;
mod holds;
mod parking;
mod periods;
mod preparing;
mod statement;
mod support;
mod tenants;
mod usage;
