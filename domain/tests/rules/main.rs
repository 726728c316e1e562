//! The rules of the book, by number, as sentences that are tried.

mod burn_order;
mod corrections;
mod due;
mod grants;
mod holds;
mod invariants;
mod overdraft;
mod precedence;
mod refunds;
mod registers;
mod snapshots;
mod support;
mod usage;
mod work;
