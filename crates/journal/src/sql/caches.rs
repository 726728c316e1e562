//! All that is saved beside the rows, for whoever compares it with them.

use quipu_database::{Database, Row, Value};
use quipu_domain::{Stream, Version};

use super::row::{position_of, segment_end};
use super::{JOURNAL, statement};
use crate::{JournalError, SealedSegment, SegmentBounds, Snapshot};

/// Lists are short, states are not.
const PAGE_LISTS: i64 = 4_096;
const PAGE_SNAPSHOTS: i64 = 256;

pub(super) fn segment_bounds(database: &Database) -> Result<Vec<SegmentBounds>, JournalError> {
    let rows = database.query(statement::SEGMENT_BOUNDS, &[JOURNAL.into()])?;
    let mut bounds = Vec::with_capacity(rows.len());
    for row in &rows {
        if row.int(2)? > 0 {
            bounds.push(bounds_of(row.int(0)?, row.int(1)?)?);
        }
    }
    Ok(bounds)
}

pub(super) fn saved_segment(
    database: &Database,
    bounds: SegmentBounds,
) -> Result<Option<SealedSegment>, JournalError> {
    let first_position = bounds.first_position;
    let params = [JOURNAL.into(), Value::from(first_position.0), bounds.last_position.0.into()];
    let Some(mut row) = database.query(statement::SAVED_SEGMENT, &params)?.pop() else {
        return Ok(None);
    };
    let (end, keys) = (segment_end(&row)?, row.take_blob(3)?);
    Ok(Some(SealedSegment { first_position, end, postings: Vec::new(), keys }))
}

pub(super) fn each_posting(
    database: &Database,
    each: &mut dyn FnMut(&str, SegmentBounds, &[u8]),
) -> Result<(), JournalError> {
    pages(database, statement::POSTINGS_PAGE, PAGE_LISTS, |row| {
        let (stream, last) = (row.text(0)?, row.int(2)?);
        each(stream, bounds_of(row.int(1)?, last)?, row.blob(3)?);
        Ok((stream.to_owned(), last))
    })
}

pub(super) fn each_snapshot(
    database: &Database,
    each: &mut dyn FnMut(&Snapshot),
) -> Result<(), JournalError> {
    pages(database, statement::SNAPSHOTS_PAGE, PAGE_SNAPSHOTS, |row| {
        let (stream, version) = (row.text(0)?, row.int(1)?);
        each(&Snapshot {
            stream: Stream::stored(stream),
            version: Version(position_of(version)?.0),
            position: position_of(row.int(2)?)?,
            schema_hash: row.text(4)?.to_owned(),
            state: row.text(3)?.to_owned(),
            supersedes: None,
        });
        Ok((stream.to_owned(), version))
    })
}

/// Reads a table page by page, each after the key of the last row before it: a snapshot of all of it
/// would keep the writer's log from being moved into the file.
fn pages(
    database: &Database,
    statement: &'static str,
    most_rows: i64,
    mut each: impl FnMut(&Row) -> Result<(String, i64), JournalError>,
) -> Result<(), JournalError> {
    let mut after = (String::new(), 0);
    loop {
        let (stream, number) = after;
        let params: [Value; 4] =
            [JOURNAL.into(), stream.into(), Value::Int(number), Value::Int(most_rows)];
        let mut last = None;
        for row in &database.query(statement, &params)? {
            last = Some(each(row)?);
        }
        let Some(last) = last else { return Ok(()) };
        after = last;
    }
}

fn bounds_of(first: i64, last: i64) -> Result<SegmentBounds, JournalError> {
    Ok(SegmentBounds { first_position: position_of(first)?, last_position: position_of(last)? })
}
