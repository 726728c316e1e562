//! The rules of the book, by number, as sentences that are tried.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod as_of;
mod bounds;
mod burn_order;
mod corrections;
mod due;
mod epochs;
mod grants;
mod holds;
mod inconsistency;
mod invariants;
mod overdraft;
mod paid;
mod periods;
mod precedence;
mod price_kinds;
mod refunds;
mod registers;
mod rerating;
mod snapshots;
mod support;
mod usage;
mod work;
