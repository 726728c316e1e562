//! Values at the edge to SQL: whole numbers, texts, bytes and nothing else, the same on every
//! database.

use std::str::FromStr;
use std::sync::Arc;

use quipu_domain::period::PeriodName;
use quipu_domain::postings::Account;
use quipu_domain::wallet::event::{GrantKind, Origin};
use quipu_domain::{
    AgentId, Credits, EntryId, GrantId, HoldId, Label, MeterName, Personal, Position,
    PriceTableName, Stream, TenantId, Timestamp, Version,
};
use smol_str::SmolStr;

/// One value of one column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// SQL's NULL.
    Null,
    /// A BIGINT.
    Int(i64),
    /// A TEXT.
    Text(SmolStr),
    /// A BLOB or BYTEA.
    Bytes(Vec<u8>),
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// BIGINT: amounts and times in micros, positions, counts, flags.
    Int,
    /// TEXT: names, reasons, JSON.
    Text,
    /// TEXT in a key that may be too long for PostgreSQL's indexes.
    LongText,
    /// BLOB or BYTEA: what is dense and of no use to people.
    Bytes,
}

/// A type that a column can hold.
pub trait Field: Sized {
    /// Which kind of column it needs.
    const KIND: Kind;
    /// Whether the column may be NULL.
    const NULLABLE: bool = false;
    /// The value as a cell.
    fn to_cell(&self) -> Cell;
    /// The cell as a value; `None` when it is not one.
    fn from_cell(cell: &Cell) -> Option<Self>;
}

impl<F: Field> Field for Option<F> {
    const KIND: Kind = F::KIND;
    const NULLABLE: bool = true;

    fn to_cell(&self) -> Cell {
        self.as_ref().map_or(Cell::Null, Field::to_cell)
    }

    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            other => F::from_cell(other).map(Some),
        }
    }
}

impl Field for i64 {
    const KIND: Kind = Kind::Int;

    fn to_cell(&self) -> Cell {
        Cell::Int(*self)
    }

    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Int(number) = cell { Some(*number) } else { None }
    }
}

impl Field for bool {
    const KIND: Kind = Kind::Int;

    fn to_cell(&self) -> Cell {
        Cell::Int(i64::from(*self))
    }

    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Int(0) => Some(false),
            Cell::Int(1) => Some(true),
            _ => None,
        }
    }
}

/// A field that is a whole number, by a way there and a way back.
macro_rules! int_field {
    ($($type:ty: $to:expr, $from:expr;)+) => {
        $(impl $crate::cell::Field for $type {
            const KIND: $crate::cell::Kind = $crate::cell::Kind::Int;

            fn to_cell(&self) -> $crate::cell::Cell {
                let to: fn(&$type) -> i64 = $to;
                $crate::cell::Cell::Int(to(self))
            }

            fn from_cell(cell: &$crate::cell::Cell) -> Option<Self> {
                let from: fn(i64) -> Option<$type> = $from;
                <i64 as $crate::cell::Field>::from_cell(cell).and_then(from)
            }
        })+
    };
}

/// Positions and versions count events, of which a journal holds far fewer than 2^63.
fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("J1: positions and versions count up from 1")
}

fn position(number: i64) -> Option<Position> {
    u64::try_from(number).ok().map(Position)
}

int_field! {
    u8: |number| i64::from(*number), |number| u8::try_from(number).ok();
    Credits: |amount| amount.micros(), |micros| Credits::from_micros(micros).ok();
    Timestamp: |time| time.micros(), |micros| Timestamp::from_micros(micros).ok();
    Position: |place| signed(place.0), position;
    Version: |version| signed(version.0), |number| u64::try_from(number).ok().map(Version);
    GrantId: |grant| signed(grant.0.0), |number| position(number).map(GrantId);
    HoldId: |hold| signed(hold.0.0), |number| position(number).map(HoldId);
    EntryId: |entry| signed(entry.0.0), |number| position(number).map(EntryId);
}

impl Field for Arc<str> {
    const KIND: Kind = Kind::Text;

    fn to_cell(&self) -> Cell {
        Cell::Text(Arc::clone(self).into())
    }

    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Text(text) = cell { Some(text.clone().into()) } else { None }
    }
}

/// A field that is a text, by a way there and a way back.
macro_rules! text_field {
    ($($type:ty: $to:expr, $from:expr;)+) => {
        $(impl $crate::cell::Field for $type {
            const KIND: $crate::cell::Kind = $crate::cell::Kind::Text;

            fn to_cell(&self) -> $crate::cell::Cell {
                let to: fn(&$type) -> smol_str::SmolStr = $to;
                $crate::cell::Cell::Text(to(self))
            }

            fn from_cell(cell: &$crate::cell::Cell) -> Option<Self> {
                let from: fn(&str) -> Option<$type> = $from;
                if let $crate::cell::Cell::Text(text) = cell { from(text) } else { None }
            }
        })+
    };
}

text_field! {
    TenantId: |id| id.as_str().into(), parsed;
    AgentId: |id| id.as_str().into(), parsed;
    MeterName: |name| name.as_str().into(), parsed;
    PriceTableName: |name| name.as_str().into(), parsed;
    Label: |label| label.as_str().into(), parsed;
    Personal: |text| text.as_str().into(), parsed;
    Stream: |stream| stream.as_str().into(), |text| Some(Stream::stored(text));
    PeriodName: |period| period.to_string().into(), parsed;
    Account: |account| account.to_string().into(), parsed;
}

fn parsed<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// A field that is one of a few names.
macro_rules! named_field {
    ($type:ty { $($variant:path = $name:literal,)+ }) => {
        $crate::cell::text_field! {
            $type:
                |value| match value { $($variant => $name,)+ }.into(),
                |text| match text { $($name => Some($variant),)+ _ => None };
        }
    };
}
pub(crate) use {int_field, named_field, text_field};

named_field!(GrantKind {
    GrantKind::Promotional = "promotional",
    GrantKind::Paid = "paid",
});
named_field!(Origin {
    Origin::Purchase = "purchase",
    Origin::Plan = "plan",
    Origin::Promotion = "promotion",
    Origin::Adjustment = "adjustment",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_the_wrong_kind_is_no_value() {
        assert_eq!(Credits::from_cell(&Cell::Text("1".into())), None);
        assert_eq!(TenantId::from_cell(&Cell::Text("acme".into())), None);
        assert_eq!(Position::from_cell(&Cell::Int(-1)), None);
        assert_eq!(Option::<Label>::from_cell(&Cell::Null), Some(None));
    }
}
