//! The verifier against published vectors, a real export, and everybody who would cheat.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attacks;
mod command;
mod every_byte;
mod fuzz;
mod hash_tree;
mod proof_files;
mod signatures;
mod support;
