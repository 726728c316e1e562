//! The rows that a table of a view should have.

use std::collections::BTreeMap;

use quipu_projections::{Cell, Schema};

/// Rows that were folded and not yet met in the view, by their keys.
pub(super) struct Expected {
    table: &'static Schema,
    rows: BTreeMap<Vec<Cell>, Vec<Cell>>,
}

impl Expected {
    /// Expects these rows of a table, and no others.
    pub(super) fn of(table: &'static Schema, rows: Vec<Vec<Cell>>) -> Expected {
        let by_key = |cells: Vec<Cell>| (key(table, &cells).to_vec(), cells);
        Expected { table, rows: rows.into_iter().map(by_key).collect() }
    }

    /// Takes a row of the view; says what is wrong with it.
    pub(super) fn meet(&mut self, cells: &[Cell]) -> Option<String> {
        let table = self.table;
        let Some(expected) = self.rows.remove(key(table, cells)) else {
            return Some(format!("{} should not be there", named(table, cells)));
        };
        let mut columns = table.columns.iter().zip(expected.iter().zip(cells));
        let differs = columns.find(|(_, (expected, found))| expected != found);
        differs.map(|(column, (expected, found))| {
            format!(
                "{} has {} {}, but the journal gives {}",
                named(table, cells),
                column.name,
                shown(found),
                shown(expected)
            )
        })
    }

    /// A row that the view should have had, and has not.
    pub(super) fn missing(&self) -> Option<String> {
        let (_, cells) = self.rows.first_key_value()?;
        Some(format!("{} is missing", named(self.table, cells)))
    }
}

fn key<'a>(table: &Schema, cells: &'a [Cell]) -> &'a [Cell] {
    &cells[..table.key_columns.min(cells.len())]
}

/// A row by its table and key.
fn named(table: &Schema, cells: &[Cell]) -> String {
    let columns = table.columns.iter().zip(key(table, cells));
    let key: Vec<String> =
        columns.map(|(column, cell)| format!("{} {}", column.name, shown(cell))).collect();
    format!("the row {} of {}", key.join(", "), table.name)
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "nothing".to_owned(),
        Cell::Int(number) => number.to_string(),
        Cell::Text(text) => format!("{text:?}"),
        Cell::Bytes(bytes) => format!("{bytes:02x?}"),
    }
}
