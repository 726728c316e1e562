//! A journal as JSON Lines: for whoever reads it without Quipu, and for restoring it to the byte.
//!
//! ```text
//! {"quipu_journal":1,"position":3,"root":"<hex>"}           where the export ends
//! {"position":1,"stream":"tenant/t_acme", ...}              an event, the exact bytes that were hashed
//! {"position":2, ...}
//! {"commit":{"first_position":1,"last_position":2,"recorded_at":"...","prev_root":"<hex>","root":"<hex>"}}
//! {"position":3, ...}
//! {"commit":{"first_position":3,"last_position":3, ...}}
//! {"end":{"position":3,"root":"<hex>"}}                     so that a missing end is seen
//! ```
//!
//! A `commit` line follows the events of each stored row. Every line ends with one line feed, and
//! has one way to be written: the same journal up to the same position is the same file, from
//! whichever database, and a restored one exports to it again.

mod export;
mod import;
mod line;

use quipu_domain::Position;

pub use export::{ExportError, export};
pub use import::{ImportError, Imported, import};

/// How far an export or import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last event that is done.
    pub position: Position,
    /// The last event there is.
    pub end: Position,
}
