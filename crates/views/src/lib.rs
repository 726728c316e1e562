//! Keeps the views up to date with the journal, exactly once, and answers questions from them.
//!
//! A [`Runner`] reads the journal's [`Feed`] and writes what the projections make of it: rows and
//! checkpoints together, one transaction per page. [`Views`] answers from one snapshot of those
//! rows, and every [`Answer`] says which position of the journal it stands for.
//!
//! Reads block: they belong on plain threads or in `spawn_blocking`, never in an async task.
//!
//! **Absent from this crate:** any rule of what events mean, which is the projections', and any
//! knowledge of how the journal is stored.

mod applier;
mod builder;
mod cells;
mod checkpoints;
mod columns;
mod error;
mod feed;
mod read_ahead;
mod reads;
mod rebuild;
mod refused;
mod replay;
mod retry;
mod runner;
mod saver;
mod scratch;
mod session;
mod skips;
mod snapshot;
mod statements;
mod stored;
mod views;

pub use builder::Progress;
pub use error::ViewsError;
pub use feed::{Feed, FeedError, FeedPage};
pub use reads::{
    AccountBalance, AccountHolders, AllAccounts, Answer, AsOf, AuditQuery, EntryQuery, GroupBy,
    HoldQuery, KnownAt, LotQuery, Order, Page, ParkedPartition, PeriodBalance, ProjectionStatus,
    StatementPage, TenantPositions, TrialBalance, TrialBalanceGroup, TrialBalanceLine,
    TrialBalanceQuery, UsageCursor, UsageQuery, UsageSum, WalletBalance,
};
pub use refused::RefusedRows;
pub use replay::{Moment, ReplayFile};
pub use retry::RetryOutcome;
pub use runner::{Runner, RunnerOptions, Waker};
pub use scratch::{Rebuilding, scratch_file};
pub use skips::SkippedEvent;
pub use snapshot::Snapshot;
pub use views::{Location, MIGRATIONS, Views};

pub use quipu_projections::{
    Agent, AgentStatus, AuditLine, BookBalance, ClosedPeriod, Entry, Hold, HoldStatus, Lot, Meter,
    PriceTable, Tenant, TenantStatus, WindowUnit,
};
