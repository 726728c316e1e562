//! Between rows of the database and the journal's types.

use quipu_database::{DatabaseError, Row, Value};
use quipu_domain::{Position, Timestamp};

use crate::{BatchRow, Head, JournalError, Root, SegmentEnd};

pub(super) fn head(row: &Row) -> Result<Head, JournalError> {
    Ok(Head {
        position: position_of(row.int(0)?)?,
        root: root(row.blob(1)?)?,
        recorded_at: timestamp(row.int(2)?)?,
    })
}

pub(super) fn batch(mut row: Row) -> Result<BatchRow, JournalError> {
    let Value::Text(events) = row.take(3) else {
        return Err(corrupt("the column events holds no text"));
    };
    Ok(BatchRow {
        first_position: position_of(row.int(0)?)?,
        last_position: position_of(row.int(1)?)?,
        recorded_at: timestamp(row.int(2)?)?,
        events,
        prev_root: root(row.blob(4)?)?,
        root: root(row.blob(5)?)?,
    })
}

pub(super) fn params_of_batch(journal: &str, row: BatchRow) -> Vec<Value> {
    vec![
        journal.into(),
        row.first_position.0.into(),
        row.last_position.0.into(),
        row.recorded_at.micros().into(),
        row.events.into(),
        row.prev_root.0.to_vec().into(),
        row.root.0.to_vec().into(),
    ]
}

pub(super) fn segment_end(row: &Row) -> Result<SegmentEnd, JournalError> {
    let peaks = row.blob(2)?.chunks(32).map(root).collect::<Result<_, _>>()?;
    let (position, recorded_at) = (position_of(row.int(0)?)?, timestamp(row.int(1)?)?);
    Ok(SegmentEnd { position, recorded_at, peaks })
}

pub(super) fn position_of(number: i64) -> Result<Position, JournalError> {
    u64::try_from(number).map(Position).map_err(|_| corrupt("a position below zero"))
}

pub(super) fn timestamp(micros: i64) -> Result<Timestamp, JournalError> {
    Timestamp::from_micros(micros).map_err(|_| corrupt("a time outside the calendar"))
}

fn root(bytes: &[u8]) -> Result<Root, JournalError> {
    Root::stored(bytes).ok_or_else(|| corrupt("a root that has not 32 bytes"))
}

fn corrupt(why: &str) -> JournalError {
    DatabaseError::Corrupt(why.to_owned()).into()
}
