//! The rows of a table from two sources, met one by one.

use std::collections::BTreeMap;

use quipu_projections::{Cell, Schema};

/// A row that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DifferentRow {
    /// The table.
    pub(crate) table: &'static Schema,
    /// All columns on one side; `None` where that side has no such row.
    pub(crate) left: Option<Vec<Cell>>,
    /// And on the other.
    pub(crate) right: Option<Vec<Cell>>,
}

/// Rows of one side that were not yet met on the other, by their keys.
pub(crate) struct Unmet {
    table: &'static Schema,
    rows: BTreeMap<Vec<Cell>, Vec<Cell>>,
}

impl Unmet {
    /// The right side's rows of a table.
    pub(crate) fn right(table: &'static Schema, rows: Vec<Vec<Cell>>) -> Unmet {
        let by_key = |cells: Vec<Cell>| (key(table, &cells).to_vec(), cells);
        Unmet { table, rows: rows.into_iter().map(by_key).collect() }
    }

    /// Meets a row of the left side; `None` where both sides have the same.
    pub(crate) fn meet(&mut self, left: &[Cell]) -> Option<DifferentRow> {
        let right = self.rows.remove(key(self.table, left));
        let same = right.as_deref() == Some(left);
        (!same).then(|| DifferentRow { table: self.table, left: Some(left.to_vec()), right })
    }

    /// The rows that the left side does not have.
    pub(crate) fn rest(self) -> impl Iterator<Item = DifferentRow> {
        let table = self.table;
        self.rows.into_values().map(move |right| DifferentRow {
            table,
            left: None,
            right: Some(right),
        })
    }
}

impl DifferentRow {
    /// The key's columns.
    pub(crate) fn key(&self) -> &[Cell] {
        let cells = self.left.as_deref().or(self.right.as_deref()).unwrap_or_default();
        key(self.table, cells)
    }

    /// What is wrong with the left side, where the right one is what the journal gives.
    pub(crate) fn fault(&self) -> String {
        let named = self.named();
        let (left, right) = match (&self.left, &self.right) {
            (Some(left), Some(right)) => (left, right),
            (Some(_), None) => return format!("{named} should not be there"),
            (None, _) => return format!("{named} is missing"),
        };
        let mut columns = self.table.columns.iter().zip(left.iter().zip(right));
        let differs = columns.find(|(_, (left, right))| left != right);
        differs.map_or_else(
            || format!("{named} has another number of columns than the journal gives"),
            |(column, (left, right))| {
                format!(
                    "{named} has {} {}, but the journal gives {}",
                    column.name,
                    shown(left),
                    shown(right)
                )
            },
        )
    }

    /// The row by its table and key.
    fn named(&self) -> String {
        let columns = self.table.columns.iter().zip(self.key());
        let key: Vec<String> =
            columns.map(|(column, cell)| format!("{} {}", column.name, shown(cell))).collect();
        format!("the row {} of {}", key.join(", "), self.table.name)
    }
}

fn key<'a>(table: &Schema, cells: &'a [Cell]) -> &'a [Cell] {
    &cells[..table.key_columns.min(cells.len())]
}

/// A value for people.
pub(crate) fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "nothing".to_owned(),
        Cell::Int(number) => number.to_string(),
        Cell::Text(text) => format!("{text:?}"),
        Cell::Bytes(bytes) => format!("{bytes:02x?}"),
    }
}
