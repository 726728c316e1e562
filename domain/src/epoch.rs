//! The epoch: the origin under which the journal's checkpoints are signed.
//!
//! Positions run on over all epochs, and so does the hash tree. A book begins in epoch 1, without
//! an event. When it cannot reach the last checkpoint that was signed (a backup was restored, and
//! what came after it is lost), signing on under the old origin would be a fork. So a new epoch
//! begins, with a new origin over the same tree, and its first event says what was lost (J6).

mod state;

use serde::{Deserialize, Serialize};

use crate::Label;
use crate::event::events;

pub use state::Epoch;

events! {
    /// What can happen to the epochs of a journal.
    EpochEvent {
        /// Checkpoints are signed under a new origin from now on.
        EpochStarted = 1,
    }
}

/// Checkpoints are signed under a new origin from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochStarted {
    /// Its number, above every one before it.
    pub epoch: u64,
    /// The new origin.
    pub origin: Label,
    /// The old origin, which is never signed under again.
    pub prev_origin: Label,
    /// How many events the last checkpoint under the old origin had.
    pub prev_size: u64,
    /// That checkpoint's tree head, in base64 as it stands on the checkpoint.
    pub prev_root: Label,
    /// How many events the book has before this one.
    pub restored_size: u64,
    /// What was found.
    pub reason: Label,
}

/// What can be asked of the epochs of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EpochCommand {
    /// Leave the origin behind that the book can no longer honour.
    Start(SignedHead, NewEpoch),
}

/// The last tree head that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// In which epoch.
    pub epoch: u64,
    /// Under which origin.
    pub origin: Label,
    /// Over how many events.
    pub size: u64,
    /// The tree head, in base64.
    pub root: Label,
}

/// What a new epoch is called, and why it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEpoch {
    /// The log's name: origins are `{name}/e{epoch}`. At most 400 characters.
    pub name: Label,
    /// What was found.
    pub reason: Label,
}

/// The origin of a log's epoch.
#[must_use]
pub fn origin(name: &str, epoch: u64) -> String {
    format!("{name}/e{epoch}")
}
