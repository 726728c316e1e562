//! The register of subjects whose personal data was erased (P4).
//!
//! All erasures stand in one stream, so that a program that starts can read them without looking
//! for them, and destroy again whatever key an old backup has brought back.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::aggregate::aggregate;
use crate::event::{Inconsistency, events};
use crate::ids::IdError;
use crate::{Label, Refusal, TenantId};

events! {
    /// What can happen to the register.
    SubjectEvent {
        /// The keys of a subject's personal data are destroyed.
        SubjectErased = 1,
    }
}

/// The keys of a subject's personal data are destroyed: what was sealed under them can be read
/// by nobody any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectErased {
    /// Whose data.
    pub subject: TenantId,
    /// Which keys, in order.
    pub keys: Vec<KeyId>,
    /// Why. It stays in clear, and for ever.
    pub reason: Label,
}

/// What can be asked of the register.
#[derive(Clone, Debug, PartialEq)]
pub enum SubjectCommand {
    /// Erase a subject's personal data.
    Erase {
        /// Whose.
        subject: TenantId,
        /// The keys that there are for it.
        keys: Vec<KeyId>,
        /// Why.
        reason: Label,
    },
}

/// The register of erased subjects. Nothing is decided by what was erased before: who is given a
/// name again after an erasure can be erased again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectRegister {
    erasures: u64,
}

impl SubjectRegister {
    /// Names the shape a snapshot has; another shape gets another name.
    pub const SCHEMA: &str = "subject/1";

    /// How many erasures there were.
    #[must_use]
    pub const fn erasures(&self) -> u64 {
        self.erasures
    }

    /// What a command leads to.
    pub fn decide(&self, command: &SubjectCommand) -> Result<Vec<SubjectEvent>, Refusal> {
        let SubjectCommand::Erase { subject, keys, reason } = command;
        if keys.is_empty() {
            return Err(Refusal::NothingToErase { subject: subject.clone() });
        }
        Ok(vec![SubjectEvent::SubjectErased(SubjectErased {
            subject: subject.clone(),
            keys: keys.clone(),
            reason: reason.clone(),
        })])
    }

    /// What an event makes of it.
    pub fn apply(&mut self, event: &SubjectEvent) -> Result<(), Inconsistency> {
        let SubjectEvent::SubjectErased(erased) = event;
        if erased.keys.is_empty() {
            return Err(Inconsistency("SubjectErased names no key".to_owned()));
        }
        self.erasures += 1;
        Ok(())
    }
}

aggregate!(SubjectRegister in "subject": SubjectCommand => SubjectEvent, |_services: ()| ());

/// Names a key of a subject: 16 hex digits, drawn at random. It tells nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

impl FromStr for KeyId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<KeyId, IdError> {
        let digits = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let number = u64::from_str_radix(text, 16).ok();
        number
            .filter(|_| text.len() == 16 && text.bytes().all(digits))
            .map(KeyId)
            .ok_or_else(|| IdError("a key's id is 16 hex digits".to_owned()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<KeyId, D::Error> {
        crate::text::deserialize(deserializer, str::parse)
    }
}
