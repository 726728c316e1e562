//! A book in formats that other programs read: events in, text out.
//!
//! Each format is a fold. It takes the events of a journal one after the other, in their order,
//! and appends what they become to a text that the caller writes wherever it likes. What a format
//! must know of the whole book before it can begin, it gathers from the events itself and hands
//! out at the end; what it keeps grows with accounts and days, never with events.
//!
//! - [`PlainText`]: the journals of hledger and beancount, every posting of every event.
//! - [`Focus`]: FOCUS, usage and cost by day, tenant, agent, model and meter.
//! - [`Sie`]: SIE 4 for Swedish bookkeeping, a voucher a day.
//!
//! **Absent from this crate:** I/O, clocks, SQL, decisions, and formats of Quipu's own: the
//! journal's is the business of the journal.

mod error;
mod exact;
mod focus;
mod plain_text;
mod sie;

pub use error::ExportError;
pub use focus::{Focus, FocusTerms, FocusVersion};
pub use plain_text::{PlainText, account_in, account_name};
pub use sie::{AccountNumber, Chart, ChartError, Sie, SieKind, SieSummary, SieTerms};
