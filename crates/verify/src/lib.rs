//! Checks a Quipu journal from outside, offline, trusting nobody who runs Quipu.
//!
//! An auditor who once saved a signed checkpoint holds the operator to it for good: this crate
//! takes an export of the journal, or a proof of one event, and says whether it leads to what was
//! signed. It shares no code with the server, reads plain files and follows published formats
//! only (RFC 6962 and RFC 9162 for the hash tree, C2SP `signed-note`, `tlog-checkpoint`,
//! `tlog-cosignature`, `tlog-proof` and `tlog-policy` for what is signed). The page `README.md`
//! beside this crate is enough to write another one.
//!
//! - [`verify_export`] recomputes a whole journal and holds it to checkpoints.
//! - [`verify_event`] checks that one event is under a checkpoint.
//! - [`verify_growth`] checks that a later checkpoint only added to an earlier one.
//! - [`Trust`] is whose signatures count: verifier keys, or a policy with a quorum of witnesses.
//!
//! **Absent from this crate:** every other crate of this project, a database driver, the network,
//! the clock, writing. And what the events *mean*: that the postings of each sum to zero, that a
//! balance follows from them, that a price was right. Those are the book's rules, and `quipu
//! verify` folds them; here it is proved that its input is the history that was signed, whole and
//! in order.

mod checkpoint;
mod event;
mod export;
mod files;
mod hash;
mod note;
mod proof;
mod report;
mod trust;

pub use checkpoint::{Checkpoint, CheckpointError, Cosignature};
pub use export::{MOST_BYTES_IN_LINE, verify_export};
pub use files::{FileError, Grown, Included, verify_event, verify_growth};
pub use hash::{Hash, Tree, leaf_hash};
pub use note::{KeyError, VerifierKey};
pub use proof::{ProofError, verify_consistency, verify_inclusion};
pub use report::{Finding, HeldTo, Report};
pub use trust::{PolicyError, Trust};
