//! What the columns of the views' own bookkeeping hold.

use quipu_database::Row;
use quipu_domain::{Position, Timestamp};
use quipu_projections::{Partition, ProjectionError};

use crate::ViewsError;

/// A partition, back from [`tenant_text`](crate::checkpoints::tenant_text).
pub(crate) fn partition(
    row: &Row,
    column: usize,
    table: &'static str,
) -> Result<Partition, ViewsError> {
    match row.text(column)? {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| malformed(table)),
    }
}

/// The position of an event.
pub(crate) fn position(
    row: &Row,
    column: usize,
    table: &'static str,
) -> Result<Position, ViewsError> {
    u64::try_from(row.int(column)?).map(Position).map_err(|_| malformed(table))
}

/// A moment.
pub(crate) fn time(row: &Row, column: usize, table: &'static str) -> Result<Timestamp, ViewsError> {
    Timestamp::from_micros(row.int(column)?).map_err(|_| malformed(table))
}

/// The version of a projection.
pub(crate) fn version(row: &Row, column: usize, table: &'static str) -> Result<u32, ViewsError> {
    u32::try_from(row.int(column)?).map_err(|_| malformed(table))
}

/// Why a row of a table cannot be read.
pub(crate) fn malformed(table: &'static str) -> ViewsError {
    ProjectionError::MalformedRow { table }.into()
}
