//! From saved segments and the journal after them to where a writer goes on.

use quipu_domain::{Position, Recorded};

use super::{Appended, edge::Edge};
use crate::{Appender, BatchRow, Head, Index, JournalError, KeyWindow, Store, codec};

/// Events read at a time.
const PAGE_EVENTS: usize = 16_384;

/// Reads the edge and the index, from the caches if they lead to the head, else from the journal
/// alone: a cache is never truth, so a wrong one only costs time.
pub(super) fn load(
    store: &dyn Store,
    appender: &mut dyn Appender,
    window: KeyWindow,
    segment_length: usize,
) -> Result<(Edge, Index), JournalError> {
    let head = store.head()?;
    match from_segments(store, appender, window, segment_length, head) {
        Ok(Some(loaded)) => return Ok(loaded),
        Ok(None) => {}
        Err(error) if error.is_corrupt() => {
            tracing::warn!(%error, "saved segments do not fit the journal; rebuilding them");
        }
        Err(error) => return Err(error),
    }
    let index = Index::new(window, Vec::new(), Position::ZERO)?;
    replay(store, appender, Edge::start(segment_length), index, head)
}

/// `None` where there are no segments, or more than there is journal.
fn from_segments(
    store: &dyn Store,
    appender: &mut dyn Appender,
    window: KeyWindow,
    segment_length: usize,
    head: Head,
) -> Result<Option<(Edge, Index)>, JournalError> {
    let Some(end) = store.last_segment()?.filter(|end| end.position <= head.position) else {
        return Ok(None);
    };
    let last = end.position;
    let mut keys = store.segments(window.since(head.recorded_at))?;
    keys.retain(|segment| segment.last_position <= last);
    let edge = Edge::after(end, segment_length).ok_or_else(|| JournalError::Corrupt {
        position: last,
        why: "the hash tree saved with its segment".to_owned(),
    })?;
    replay(store, appender, edge, Index::new(window, keys, last)?, head).map(Some)
}

/// Hashes and indexes everything after the edge, and saves the segments that this completes.
fn replay(
    store: &dyn Store,
    appender: &mut dyn Appender,
    mut edge: Edge,
    mut index: Index,
    head: Head,
) -> Result<(Edge, Index), JournalError> {
    while edge.position() < head.position {
        let rows = store.rows_after(edge.position(), PAGE_EVENTS)?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let (events, appended) = take_in(&mut edge, &row)?;
            for segment in index.record(&events, &appended) {
                appender.save_segment(&segment)?;
                index.saved(&segment);
            }
        }
    }
    if edge.head().root == head.root {
        Ok((edge, index))
    } else {
        let why = "the events do not hash to the head's root; run `quipu verify`".to_owned();
        Err(JournalError::Corrupt { position: edge.position(), why })
    }
}

fn take_in(edge: &mut Edge, row: &BatchRow) -> Result<(Vec<Recorded>, Appended), JournalError> {
    let corrupt = |why: String| JournalError::Corrupt { position: row.first_position, why };
    let before = edge.head();
    // A segment may end inside a row; what stands before the edge was hashed with it.
    if row.first_position == before.position.plus(1) && row.prev_root != before.root {
        return Err(corrupt("its prev_root is not the root before it".to_owned()));
    }
    let (mut events, mut segment_ends) = (Vec::new(), Vec::new());
    for (position, text) in codec::texts(row)?.filter(|(p, _)| *p > before.position) {
        let recorded = codec::decode(position, text)?;
        let end = edge
            .push(position, recorded.recorded_at, text.as_bytes())
            .map_err(|error| corrupt(error.to_string()))?;
        segment_ends.extend(end);
        events.push(recorded);
    }
    let head = edge.close();
    if row.root != head.root || row.recorded_at != head.recorded_at {
        return Err(corrupt("its root or time is not that of its events".to_owned()));
    }
    Ok((events, Appended { head, segment_ends }))
}
