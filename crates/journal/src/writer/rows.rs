//! From events to rows: encode, hash, cut.

use std::borrow::Borrow;

use quipu_domain::{Position, Recorded};

use super::edge::Edge;
use crate::batch::{MOST_BYTES_IN_EVENT, MOST_BYTES_IN_ROW, MOST_EVENTS_IN_ROW};
use crate::{BatchRow, Head, JournalError, Root, SegmentEnd, codec};

/// Encodes events into the rows that follow the edge, and moves the edge to their end.
pub(super) fn encode<E: Borrow<Recorded>>(
    edge: &mut Edge,
    events: &[E],
) -> Result<(Vec<BatchRow>, Vec<SegmentEnd>), JournalError> {
    let mut rows = Vec::new();
    let mut segment_ends = Vec::new();
    let mut open = OpenRow::after(edge.head(), events.len());
    for (index, recorded) in events.iter().enumerate() {
        let recorded: &Recorded = recorded.borrow();
        if let Some(text) = open.push(recorded)? {
            rows.push(open.close(edge));
            open = OpenRow::after(edge.head(), events.len() - index);
            open.take_over(&text);
        }
        segment_ends.extend(edge.push(recorded.position, recorded.recorded_at, open.last())?);
    }
    if open.count > 0 {
        rows.push(open.close(edge));
    }
    Ok((rows, segment_ends))
}

struct OpenRow {
    first_position: Position,
    prev_root: Root,
    /// The array so far, without its closing bracket.
    events: Vec<u8>,
    count: usize,
    /// Where the last event's text begins.
    last_at: usize,
}

/// What an event has room for before its row has to grow: most are shorter.
const LIKELY_BYTES_IN_EVENT: usize = 1_000;

impl OpenRow {
    /// With room for so many events, of which it takes as many as fit.
    fn after(head: Head, events: usize) -> OpenRow {
        let bytes = MOST_BYTES_IN_ROW.min(events.saturating_mul(LIKELY_BYTES_IN_EVENT));
        let mut text = Vec::with_capacity(bytes + LIKELY_BYTES_IN_EVENT);
        text.push(b'[');
        OpenRow {
            first_position: head.position.plus(1),
            prev_root: head.root,
            events: text,
            count: 0,
            last_at: 0,
        }
    }

    /// Writes an event at the end. Gives its text back where it belongs into the next row.
    fn push(&mut self, recorded: &Recorded) -> Result<Option<Vec<u8>>, JournalError> {
        let before = self.events.len();
        self.begin_event();
        codec::encode(recorded, &mut self.events);
        let bytes = self.events.len() - self.last_at;
        if bytes > MOST_BYTES_IN_EVENT {
            return Err(JournalError::EventTooLarge {
                position: recorded.position,
                bytes,
                most: MOST_BYTES_IN_EVENT,
            });
        }
        // The closing bracket comes.
        let fits = self.count <= MOST_EVENTS_IN_ROW && self.events.len() < MOST_BYTES_IN_ROW;
        if fits || self.count == 1 {
            return Ok(None);
        }
        let text = self.events.split_off(self.last_at);
        self.events.truncate(before);
        self.count -= 1;
        Ok(Some(text))
    }

    /// Begins with a text that had no room in the row before.
    fn take_over(&mut self, text: &[u8]) {
        self.begin_event();
        self.events.extend_from_slice(text);
    }

    fn begin_event(&mut self) {
        if self.count > 0 {
            self.events.push(b',');
        }
        self.last_at = self.events.len();
        self.count += 1;
    }

    /// The text of the event that was written last.
    fn last(&self) -> &[u8] {
        &self.events[self.last_at..]
    }

    fn close(mut self, edge: &mut Edge) -> BatchRow {
        self.events.push(b']');
        let head = edge.close();
        BatchRow {
            first_position: self.first_position,
            last_position: head.position,
            recorded_at: head.recorded_at,
            events: String::from_utf8(self.events).expect("JSON is UTF-8"),
            prev_root: self.prev_root,
            root: head.root,
        }
    }
}
