//! Events of somebody's own aggregates.

use quipu_domain::{Event, Position, Recorded, Stream, Version};
use quipu_journal::MOST_BYTES_IN_EVENT;

use super::Events;
use crate::decider::Decider;
use crate::{Append, EngineError};

impl Decider {
    /// Appends events of somebody's own aggregate, if its stream is at the expected version.
    pub(crate) fn application(&mut self, append: Append) -> Result<Events, EngineError> {
        let Append { stream, expected, effective_at, events, metadata } = append;
        let (actual, _) = self.application_version(&stream)?;
        if actual != expected {
            return Err(EngineError::VersionConflict { actual, expected });
        }
        let moment = self.moment();
        let mut version = expected;
        let mut recorded = Vec::with_capacity(events.len());
        for event in &events {
            let bag = event.metadata.as_ref().map_or(0, |metadata| metadata.get().len());
            let size = event.data.get().len() + bag;
            if size > MOST_BYTES_IN_EVENT / 2 {
                let most_bytes = MOST_BYTES_IN_EVENT / 2;
                return Err(EngineError::EventTooLarge { most_bytes });
            }
        }
        for event in events {
            version = version.next();
            let event = Recorded {
                position: self.draft.next,
                stream: stream.clone(),
                version,
                id: self.draft.next_id(moment.now),
                recorded_at: moment.now,
                effective_at: effective_at.filter(|at| *at != moment.now),
                tenant: None,
                metadata: metadata.clone(),
                event: Event::Application(event),
            };
            recorded.push(self.draft.place(event));
        }
        if let Some(last) = recorded.last() {
            self.states.applications.put(stream, (version, last.position));
        }
        Ok(recorded)
    }

    fn application_version(&mut self, stream: &Stream) -> Result<(Version, Position), EngineError> {
        if let Some(known) = self.states.applications.get(stream) {
            return Ok(*known);
        }
        let positions = self.past.positions(stream)?;
        let last: Vec<Position> = positions.last().copied().into_iter().collect();
        let found = self.past.events_at(&last)?.pop();
        Ok(found.map_or((Version::ZERO, Position::ZERO), |event| (event.version, event.position)))
    }
}
