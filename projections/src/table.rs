//! A table declared once: its row as a struct, its key, its columns, and the way to cells and back.

use std::fmt::Debug;
use std::hash::Hash;

use crate::cell::{Cell, Kind};

/// A table as databases see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its name.
    pub name: &'static str,
    /// All columns, those of the key first.
    pub columns: &'static [Column],
    /// How many of them are the key.
    pub key_columns: usize,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may hold NULL.
    pub nullable: bool,
}

/// A row of a table that [`table!`](crate::table) declared.
pub trait Row: Clone + PartialEq + Debug + Send + 'static {
    /// What tells it from other rows.
    type Key: Clone + Eq + Ord + Hash + Debug + Send;
    /// Its table.
    const SCHEMA: Schema;
    /// Its key.
    fn key(&self) -> Self::Key;
    /// A key, as the first columns have it.
    fn key_cells(key: &Self::Key) -> Vec<Cell>;
    /// All columns, in the schema's order.
    fn cells(&self) -> Vec<Cell>;
    /// The row that these cells make; `None` when they do not fit.
    fn from_cells(cells: &[Cell]) -> Option<Self>;
}

/// Declares a table: the struct of its rows, the struct of its keys and the schema.
macro_rules! table {
    (
        $(#[$doc:meta])*
        $row:ident in $name:literal
        key $key:ident { $($(#[$key_doc:meta])* $k:ident: $key_type:ty,)+ }
        columns { $($(#[$column_doc:meta])* $c:ident: $column_type:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $row {
            $($(#[$key_doc])* pub $k: $key_type,)+
            $($(#[$column_doc])* pub $c: $column_type,)*
        }

        #[doc = concat!("What tells one row of `", $name, "` from another.")]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $key {
            $($(#[$key_doc])* pub $k: $key_type,)+
        }

        impl $crate::table::Row for $row {
            type Key = $key;

            const SCHEMA: $crate::table::Schema = $crate::table::Schema {
                name: $name,
                columns: &[
                    $($crate::table::column::<$key_type>(stringify!($k)),)+
                    $($crate::table::column::<$column_type>(stringify!($c)),)*
                ],
                key_columns: [$(stringify!($k)),+].len(),
            };

            fn key(&self) -> $key {
                $key { $($k: self.$k.clone(),)+ }
            }

            fn key_cells(key: &$key) -> Vec<$crate::cell::Cell> {
                vec![$($crate::cell::Field::to_cell(&key.$k),)+]
            }

            fn cells(&self) -> Vec<$crate::cell::Cell> {
                vec![
                    $($crate::cell::Field::to_cell(&self.$k),)+
                    $($crate::cell::Field::to_cell(&self.$c),)*
                ]
            }

            fn from_cells(cells: &[$crate::cell::Cell]) -> Option<Self> {
                let mut cells = cells.iter();
                let row = $row {
                    $($k: $crate::cell::Field::from_cell(cells.next()?)?,)+
                    $($c: $crate::cell::Field::from_cell(cells.next()?)?,)*
                };
                cells.next().is_none().then_some(row)
            }
        }
    };
}
pub(crate) use table;

/// The column that holds such a field.
pub(crate) const fn column<F: crate::cell::Field>(name: &'static str) -> Column {
    Column { name, kind: F::KIND, nullable: F::NULLABLE }
}
