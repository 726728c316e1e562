//! The rules of the book: aggregates, commands, events and refusals.
//!
//! Each aggregate is a plain state with two synchronous functions, `decide` (state, command,
//! context -> events or a [`Refusal`]) and `apply` (state, event -> state), and implements
//! [`cqrs_es::Aggregate`] on top of them. The rules are numbered in this crate's README; tests,
//! refusals and comments cite the numbers.
//!
//! ```
//! use quipu_domain::tenant::{Tenant, TenantCommand};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (id, mut tenant) = ("t_acme".parse()?, Tenant::default());
//! let create = TenantCommand::Create {
//!     tenant: "t_acme".parse()?,
//!     name: "Acme".parse()?,
//!     time_zone: "Europe/Stockholm".parse()?,
//! };
//! for event in tenant.decide(&create, &id)? {
//!     tenant.apply(&event)?;
//! }
//! assert_eq!(tenant.decide(&create, &id).unwrap_err().code(), "tenant_exists");
//! # Ok(())
//! # }
//! ```
//!
//! **Absent from this crate:** I/O, clocks, randomness, threads, SQL, HTTP. Time and positions
//! arrive as arguments ([`Moment`]); the order of map iteration never depends on a hash seed.

pub mod agent;
mod aggregate;
pub mod amount;
pub mod calendar;
pub mod envelope;
pub mod epoch;
pub mod event;
pub mod ids;
pub mod meter;
pub mod period;
pub mod personal;
pub mod postings;
pub mod price_table;
pub mod rating;
pub mod refusal;
pub mod subject;
pub mod tenant;
mod text;
pub mod timestamp;
pub mod wallet;

pub use amount::Credits;
pub use envelope::{Metadata, Moment, Position, Recorded, Stream, Version};
pub use event::Event;
pub use ids::{AgentId, EntryId, GrantId, HoldId, Label, MeterName, PriceTableName, TenantId};
pub use personal::Personal;
pub use refusal::Refusal;
pub use subject::KeyId;
pub use timestamp::Timestamp;
