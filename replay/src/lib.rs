//! Proves a book from its journal: every hash, every state, every balance, every view.
//!
//! [`verify`] reads the rows as they are stored and recomputes everything else from them. It uses
//! the journal's codec and hash tree, the domain's `apply` and the projections' own folds, and
//! trusts nothing that was derived earlier. [`diff`] says what is not the same in two journals or
//! in two sets of views, and which event explains it.
//!
//! **Absent from this crate:** writing, SQL, and any knowledge of how views are stored (the
//! caller brings a [`ViewSource`]).

pub mod diff;
mod folds;
mod report;
mod rows;
mod verify;
mod view_source;

pub use report::{Finding, ProjectionReport, ReplayError, Report};
pub use verify::{Expectation, Progress, Signed, verify};
pub use view_source::{ViewSource, ViewState};
