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
    let mut open = OpenRow::after(edge.head());
    let mut buffer = Vec::new();
    for recorded in events {
        let recorded: &Recorded = recorded.borrow();
        buffer.clear();
        codec::encode(recorded, &mut buffer);
        let text = std::str::from_utf8(&buffer).expect("JSON is UTF-8");
        if text.len() > MOST_BYTES_IN_EVENT {
            return Err(JournalError::EventTooLarge {
                position: recorded.position,
                bytes: text.len(),
                most: MOST_BYTES_IN_EVENT,
            });
        }
        if !open.has_room_for(text) {
            rows.push(open.close(edge));
            open = OpenRow::after(edge.head());
        }
        segment_ends.extend(edge.push(recorded.position, recorded.recorded_at, text)?);
        open.push(text);
    }
    if open.count > 0 {
        rows.push(open.close(edge));
    }
    Ok((rows, segment_ends))
}

struct OpenRow {
    first_position: Position,
    prev_root: Root,
    events: String,
    count: usize,
}

impl OpenRow {
    fn after(head: Head) -> OpenRow {
        OpenRow {
            first_position: head.position.plus(1),
            prev_root: head.root,
            events: String::from("["),
            count: 0,
        }
    }

    fn has_room_for(&self, text: &str) -> bool {
        self.count == 0
            || (self.count < MOST_EVENTS_IN_ROW
                && self.events.len() + text.len() + 2 <= MOST_BYTES_IN_ROW)
    }

    fn push(&mut self, text: &str) {
        if self.count > 0 {
            self.events.push(',');
        }
        self.events.push_str(text);
        self.count += 1;
    }

    fn close(mut self, edge: &mut Edge) -> BatchRow {
        self.events.push(']');
        let head = edge.close();
        BatchRow {
            first_position: self.first_position,
            last_position: head.position,
            recorded_at: head.recorded_at,
            events: self.events,
            prev_root: self.prev_root,
            root: head.root,
        }
    }
}
