//! The views on real databases: every case runs on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod history;
mod live;
mod parking;
mod reads;
mod rebuilds;
mod replays;
mod stores;
