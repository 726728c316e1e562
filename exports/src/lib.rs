//! A book in formats that other programs read: events in, text out.
//!
//! Each format is a fold. It takes the events of a journal one after the other, in their order,
//! and appends what they become to a text that the caller writes wherever it likes. What a format
//! must know of the whole book before it can begin, it gathers from the events itself and hands
//! out at the end; what it keeps grows with accounts and days, never with events.
//!
//! - [`PlainText`]: the journals of hledger and beancount, every posting of every event.
//!
//! **Absent from this crate:** I/O, clocks, SQL, decisions, and formats of Quipu's own: the
//! journal's is the business of the journal.

mod error;
mod plain_text;

pub use error::ExportError;
pub use plain_text::{PlainText, account_in, account_name};
