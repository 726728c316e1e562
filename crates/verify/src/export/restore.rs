//! A restore that lost what had been signed, as the journal itself tells of it.

use serde::Deserialize;

use crate::checkpoint::Checkpoint;

/// The event by which a log goes on under a new origin. It excuses nothing: what was signed is
/// gone. But an auditor whose checkpoint does not hold should be told what the operator says.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Restore {
    position: u64,
    told: EpochStarted,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(Clone))]
struct EpochStarted {
    epoch: u64,
    prev_origin: String,
    prev_size: u64,
    restored_size: u64,
}

impl Restore {
    /// `None` for every other event.
    pub(super) fn of(position: u64, stream: &str, text: &str) -> Option<Restore> {
        #[derive(Deserialize)]
        struct Outer {
            #[serde(rename = "type")]
            type_name: String,
            data: EpochStarted,
        }
        if !stream.starts_with("epoch/") {
            return None;
        }
        let outer: Outer = serde_json::from_str(text).ok()?;
        (outer.type_name == "EpochStarted").then_some(Restore { position, told: outer.data })
    }

    /// What it says about a checkpoint that does not hold, if anything.
    pub(super) fn about(&self, checkpoint: &Checkpoint) -> Option<String> {
        let EpochStarted { epoch, prev_origin, prev_size, restored_size } = &self.told;
        let was_lost = *restored_size < checkpoint.size && checkpoint.size <= *prev_size;
        let is_about = *prev_origin == checkpoint.origin && was_lost;
        is_about.then(|| {
            format!(
                " (the journal says at position {} that epoch {epoch} began after a restore to \
                 {restored_size} events, of {prev_size} that had been signed)",
                self.position
            )
        })
    }
}
