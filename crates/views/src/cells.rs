//! Between the projections' cells and the database's values.

use quipu_database::{Row, Value};
use quipu_projections::{Cell, ProjectionError, Row as TableRow};

use crate::ViewsError;

/// Parameters for a statement.
pub(crate) fn values(cells: Vec<Cell>) -> Vec<Value> {
    cells.into_iter().map(value).collect()
}

pub(crate) fn value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(number) => Value::Int(number),
        Cell::Text(text) => Value::from(&*text),
        Cell::Bytes(bytes) => Value::Blob(bytes),
    }
}

/// What a row of a table holds.
pub(crate) fn cells(row: &Row) -> Vec<Cell> {
    let cells = row.values().iter().map(|value| match value {
        Value::Null => Cell::Null,
        Value::Int(number) => Cell::Int(*number),
        Value::Text(text) => Cell::Text(text.as_str().into()),
        Value::Blob(bytes) => Cell::Bytes(bytes.clone()),
    });
    cells.collect()
}

/// The typed row of a `SELECT *`: a table's columns are those that its projection declares, in
/// that order.
pub(crate) fn typed<R: TableRow>(row: &Row) -> Result<R, ViewsError> {
    let malformed = ProjectionError::MalformedRow { table: R::SCHEMA.name };
    Ok(R::from_cells(&cells(row)).ok_or(malformed)?)
}

/// Typed rows of a `SELECT *`.
pub(crate) fn all_typed<R: TableRow>(rows: &[Row]) -> Result<Vec<R>, ViewsError> {
    rows.iter().map(typed).collect()
}
