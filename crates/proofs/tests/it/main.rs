//! Proofs, tried against published vectors and an implementation that is not ours.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod formats;
mod keys;
mod pairs;
mod publishing;
mod support;
mod tiles;
mod witnessing;
