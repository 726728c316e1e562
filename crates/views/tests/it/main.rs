//! The views on real databases: every case runs on SQLite and on PostgreSQL.

mod history;
mod live;
mod parking;
mod reads;
mod rebuilds;
mod stores;
