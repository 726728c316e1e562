//! Real databases for tests, thrown away afterwards, and an environment that is no one's.
//!
//! **Absent from this crate:** any knowledge of Quipu, so that every crate can use it in its tests.

pub mod environment;
pub mod postgres;
pub mod sqlite;
