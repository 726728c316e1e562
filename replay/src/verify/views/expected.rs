//! The rows that a view should have.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use quipu_domain::Position;
use quipu_projections::{Cell, Schema};

/// Something wrong with a row: the first position concerned, where it is known, and what.
pub(super) type Wrong = (Option<Position>, String);

/// Rows that were folded and not yet met in the view.
///
/// Rows of insert-only tables are as many as events, so of them only hashes are kept: of the key,
/// to find them, and of the whole row. The hash has a secret key of this process's own, so nobody
/// can have prepared a row that passes for another.
#[derive(Default)]
pub(super) struct Expected {
    hasher: RandomState,
    appended: HashMap<(&'static str, u64), (u64, Position)>,
    updated: HashMap<(&'static str, Vec<Cell>), Vec<Cell>>,
}

impl Expected {
    /// Expects rows of an insert-only table, which come from events at `position` or after.
    pub(super) fn append(
        &mut self,
        table: &'static Schema,
        rows: &[Vec<Cell>],
        position: Position,
    ) {
        for cells in rows {
            let key = self.hasher.hash_one(key(table, cells));
            self.appended.insert((table.name, key), (self.hasher.hash_one(cells), position));
        }
    }

    /// Expects rows of any other table.
    pub(super) fn update(&mut self, table: &'static Schema, rows: &[Vec<Cell>]) {
        let rows =
            rows.iter().map(|cells| ((table.name, key(table, cells).to_vec()), cells.clone()));
        self.updated.extend(rows);
    }

    /// Takes a row of the view; says what is wrong with it.
    pub(super) fn meet(&mut self, table: &'static Schema, cells: &[Cell]) -> Option<Wrong> {
        let unexpected = || Some((None, format!("{} should not be there", named(table, cells))));
        if table.insert_only {
            let key = (table.name, self.hasher.hash_one(key(table, cells)));
            return match self.appended.remove(&key) {
                None => unexpected(),
                Some((hash, _)) if hash == self.hasher.hash_one(cells) => None,
                Some((_, position)) => {
                    let what =
                        format!("{} differs from what the journal gives", named(table, cells));
                    Some((Some(position), what))
                }
            };
        }
        let Some(expected) = self.updated.remove(&(table.name, key(table, cells).to_vec())) else {
            return unexpected();
        };
        let columns = table.columns.iter().zip(expected.iter().zip(cells));
        columns
            .filter(|(_, (expected, found))| expected != found)
            .map(|(column, (expected, found))| {
                let what = format!(
                    "{} has {} {}, but the journal gives {}",
                    named(table, cells),
                    column.name,
                    shown(found),
                    shown(expected)
                );
                (None, what)
            })
            .next()
    }

    /// A row of the table that the view should have had, and has not.
    pub(super) fn missing(&self, table: &'static Schema) -> Option<Wrong> {
        let updated = self.updated.iter().filter(|((name, _), _)| *name == table.name);
        if let Some((_, cells)) = updated.min_by_key(|((_, key), _)| key.clone()) {
            return Some((None, format!("{} is missing", named(table, cells))));
        }
        let appended = self.appended.iter().filter(|((name, _), _)| *name == table.name);
        let first = appended.map(|(_, (_, position))| *position).min()?;
        Some((Some(first), format!("a row of {} is missing", table.name)))
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
    }
}
