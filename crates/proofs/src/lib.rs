//! Signed checkpoints, tiles, proofs and witnesses, in the formats of [C2SP](https://c2sp.org) and
//! nothing invented: `signed-note`, `tlog-checkpoint`, `tlog-tiles`, `tlog-proof`,
//! `tlog-cosignature` and `tlog-witness`, with Ed25519.
//!
//! The log is the journal: entry `i` is the exact text of the event at position `i + 1`, and the
//! tree of size `n` is the one whose root the journal has at position `n`.
//!
//! - [`Proofs`] answers: published checkpoints, proofs, tiles.
//! - [`Publisher`] signs what is durable, and nothing that is not consistent with what it signed
//!   before (J6). [`Loss`] is what it finds when the book cannot reach that any more.
//! - [`Witness`] cosigns the checkpoints of somebody else's book.
//! - [`KeyFolder`] keeps the keys, and what was signed last, outside the database.
//!
//! Hashes are read from *tiles*, 256 to a row, which are derived from the journal a bounded step
//! at a time and may be deleted; so a proof costs a few rows and never the whole journal. What
//! is derived is compared with the journal's own roots before it is used.
//!
//! **Absent from this crate:** HTTP, threads and timers, and writing to the journal.

mod checkpoint;
mod error;
mod key;
mod key_folder;
mod messages;
mod note;
mod proof;
mod proofs;
mod publisher;
mod store;
mod tile_path;
mod tiles;
mod witness;

pub use checkpoint::{Checkpoint, LogName, signed_root};
pub use error::{FormatError, ProofError};
pub use key::{Algorithm, VerifierKey};
pub use key_folder::{KeyFolder, KeyRecord};
pub use messages::AddCheckpoint;
pub use note::{Signature, SignedNote};
pub use proof::{Subtrees, consistency, inclusion, root, verify_consistency, verify_inclusion};
pub use proofs::Proofs;
pub use publisher::{Loss, Publisher, find_loss};
pub use store::{ProofStore, Published};
pub use tile_path::TilePath;
pub use witness::{Witness, WitnessRefusal};
