//! The wallet: a tenant's lots, holds, overdraft and usage, decided together (rules W and U).

pub mod command;
pub mod event;

pub use command::WalletCommand;
pub use event::WalletEvent;
