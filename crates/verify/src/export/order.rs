//! What every event keeps of those before it: its stream's versions, its id, its time.

use std::collections::{HashMap, HashSet};

use crate::event::{Event, Moment, uuid};

/// The ids, streams and time so far.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Order {
    ids: HashSet<u128>,
    versions: HashMap<String, u64>,
    recorded_at: Option<(Moment, String)>,
}

impl Order {
    /// Takes in the next event, or says what it breaks.
    pub(super) fn event(&mut self, event: &Event<'_>) -> Result<(), String> {
        let id = uuid(&event.id).ok_or_else(|| format!("its id {:?} is not a UUID", event.id))?;
        if !self.ids.insert(id) {
            return Err(format!("the event id {} is there twice", event.id));
        }
        self.version(event)?;
        self.time(event)
    }

    /// When the last event was recorded, as it is written in it.
    pub(super) fn recorded_at(&self) -> Option<&str> {
        self.recorded_at.as_ref().map(|(_, text)| text.as_str())
    }

    pub(super) fn streams(&self) -> u64 {
        self.versions.len() as u64
    }

    /// Versions of a stream have no gap.
    fn version(&mut self, event: &Event<'_>) -> Result<(), String> {
        let stream = event.stream.as_ref();
        let before = self.versions.get(stream).copied().unwrap_or_default();
        if before.checked_add(1) != Some(event.version) {
            let version = event.version;
            return Err(format!("it is version {version} of {stream}, which is at {before}"));
        }
        match self.versions.get_mut(stream) {
            Some(version) => *version = event.version,
            None => drop(self.versions.insert(stream.to_owned(), event.version)),
        }
        Ok(())
    }

    /// Time never runs backwards.
    fn time(&mut self, event: &Event<'_>) -> Result<(), String> {
        let text = event.recorded_at.as_ref();
        let now = Moment::parse(text).ok_or_else(|| {
            format!("its recorded_at {text:?} is not of the form 2026-11-20T12:00:00.123456Z")
        })?;
        if let Some((_, before)) = self.recorded_at.as_ref().filter(|(before, _)| now < *before) {
            return Err(format!("it was recorded at {text}, before the one before it ({before})"));
        }
        self.recorded_at = Some((now, text.to_owned()));
        Ok(())
    }
}
