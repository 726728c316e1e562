//! Events in, row changes out: one file per question that the read side answers.
//!
//! A [`Projection`] owns a few tables and folds events into their rows. The same code feeds the
//! live views, a rebuild beside them, and the verifier's fold in memory (rule J5). Everything is
//! partitioned by tenant: no event of one tenant touches a row of another's.
//!
//! [`apply_page`] applies events to [`Rows`], which it loads from a [`Source`] as needed; what
//! changed is then there to be written.
//!
//! **Absent from this crate:** I/O, clocks, SQL, threads.

mod accounts;
mod activity;
mod agents;
mod audit_line;
mod balances;
mod book_history;
mod bytes;
mod cell;
mod chunks;
mod error;
pub mod explain;
mod fold;
mod history;
mod holds;
mod json;
mod meters;
mod movement;
mod page;
mod periods;
mod price_tables;
mod quantity;
mod rows;
mod slots;
mod statement;
mod table;
mod tenants;
pub mod turnover;
mod usage;

use quipu_domain::Recorded;

pub use accounts::{Account, AccountKey, Accounts};
pub use activity::{Activity, ActivityChunk, ActivityKey, LaterPositions};
pub use agents::{Agent, AgentKey, AgentStatus, Agents};
pub use audit_line::AuditLine;
pub use balances::{Balance, BalanceKey, Balances, Lot, LotKey};
pub use book_history::{
    Book, BookAmounts, BookBalance, BookHistory, BookKey, EXPIRED, HELD, REMAINING, VOIDED, VOIDS,
};
pub use cell::{Cell, Field, Kind};
pub use error::ProjectionError;
pub use fold::Fold;
pub use history::{
    Address, Node, NodeKey, Nodes, Question, Span, Stretch, Subject, Sums, Tree, Trees, Until,
};
pub use holds::{Hold, HoldKey, HoldStatus, Holds};
pub use meters::{Meter, MeterKey, Meters};
pub use movement::{postings_of, wallet_event};
pub use page::{Parked, Partition, Source, apply_page};
pub use periods::{ClosedPeriod, ClosedPeriodKey, ClosingPeriod, ClosingPeriodKey, Periods};
pub use price_tables::{PriceTable, PriceTableKey, PriceTables};
pub use quantity::Quantity;
pub use rows::{Changes, Rows, TouchedRow};
pub use statement::{Entry, Statement};
pub use table::{Column, Row, Schema};
pub use tenants::{Tenant, TenantKey, TenantStatus, Tenants};
pub use usage::{
    LabelOrNone, UnpricedUsage, UnpricedUsageKey, Usage, UsageAmounts, UsageKey, UsageSums,
    UsageTotal, UsageTotalKey, UsageZone, UsageZoneKey, WindowUnit,
};

/// A fold of events into rows, which answers one question.
pub trait Projection: Send + Sync {
    /// Its name, as people and tables use it.
    fn name(&self) -> &'static str;

    /// Raised whenever the same events would give other rows: the rows are then built anew,
    /// beside the old ones.
    fn version(&self) -> u32;

    /// The question that it answers.
    fn question(&self) -> &'static str;

    /// Its tables, without rows.
    fn rows(&self) -> Rows;

    /// Asks for the rows that `apply` will look up or change, as far as can be told from what is
    /// in memory.
    fn prepare(&self, event: &Recorded, rows: &mut Rows);

    /// Folds one event in. After an error the caller takes back what it changed.
    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError>;
}

/// All projections that there are.
#[must_use]
pub fn all() -> &'static [&'static dyn Projection] {
    &[
        &Tenants,
        &Balances,
        &BookHistory,
        &Activity,
        &Holds,
        &Usage,
        &Accounts,
        &Agents,
        &Meters,
        &PriceTables,
        &Periods,
    ]
}

/// The projection with this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Projection> {
    all().iter().copied().find(|projection| projection.name() == name)
}
