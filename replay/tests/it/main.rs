//! Books that hold, and books that somebody has been at.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod book;
mod caches;
mod diff;
mod forgery;
mod golden;
mod periods;
mod tampering;
mod views;
