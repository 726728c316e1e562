//! Real databases for tests, thrown away afterwards.
//!
//! **Absent from this crate:** any knowledge of Quipu, so that every crate can use it in its tests.

pub mod postgres;
pub mod sqlite;
