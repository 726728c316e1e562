//! The columns of a node.

use std::marker::PhantomData;

use quipu_domain::{Position, TenantId, Timestamp};

use super::{Content, Node, Order};
use crate::cell::{Cell, Field, Kind};
use crate::history::address::{Address, NodeKey, Tree};
use crate::history::{Names, Span, Subject};
use crate::table::{Column, Row, Schema, column};

const COLUMNS: &[Column] = &[
    column::<TenantId>("tenant"),
    column::<Tree>("tree"),
    column::<u8>("level"),
    column::<i64>("number"),
    column::<i64>("place"),
    column::<i64>("children"),
    column::<Position>("first_position"),
    column::<Position>("last_position"),
    column::<Timestamp>("earliest_effective_at"),
    column::<Timestamp>("latest_effective_at"),
    column::<i64>("order_floor"),
    column::<i64>("next_floor"),
    column::<i64>("latest_in_order"),
    column::<Names>("names"),
    column::<Content>("content"),
    column::<Option<Content>>("sum_before"),
    column::<Option<Content>>("child_spans"),
    column::<Option<Content>>("sorted_child_spans"),
];

impl<S: Subject> Row for Node<S> {
    type Key = NodeKey;

    const SCHEMA: Schema = Schema { name: S::TABLE, columns: COLUMNS, key_columns: 4 };

    fn key(&self) -> NodeKey {
        self.key.clone()
    }

    fn key_cells(key: &NodeKey) -> Vec<Cell> {
        let Address { tree, level, number } = key.address;
        vec![key.tenant.to_cell(), tree.to_cell(), level.to_cell(), number.to_cell()]
    }

    fn cells(&self) -> Vec<Cell> {
        let mut cells = Self::key_cells(&self.key);
        cells.extend([
            self.place.to_cell(),
            self.children.to_cell(),
            self.span.first_position.to_cell(),
            self.span.last_position.to_cell(),
            self.span.earliest_effective_at.to_cell(),
            self.span.latest_effective_at.to_cell(),
            self.order.floor.to_cell(),
            self.order.next_floor.to_cell(),
            self.order.highest.to_cell(),
            self.names.to_cell(),
            self.content.to_cell(),
            self.before.to_cell(),
            self.child_spans.to_cell(),
            self.sorted_child_spans.to_cell(),
        ]);
        cells
    }

    fn from_cells(cells: &[Cell]) -> Option<Node<S>> {
        let [
            tenant,
            tree,
            level,
            number,
            place,
            children,
            first_position,
            last_position,
            earliest_effective_at,
            latest_effective_at,
            floor,
            next_floor,
            highest,
            names,
            content,
            before,
            child_spans,
            sorted_child_spans,
        ] = cells
        else {
            return None;
        };
        Some(Node {
            key: NodeKey {
                tenant: Field::from_cell(tenant)?,
                address: Address {
                    tree: Field::from_cell(tree)?,
                    level: Field::from_cell(level)?,
                    number: Field::from_cell(number)?,
                },
            },
            place: Field::from_cell(place)?,
            children: Field::from_cell(children)?,
            span: Span {
                first_position: Field::from_cell(first_position)?,
                last_position: Field::from_cell(last_position)?,
                earliest_effective_at: Field::from_cell(earliest_effective_at)?,
                latest_effective_at: Field::from_cell(latest_effective_at)?,
            },
            order: Order {
                floor: Field::from_cell(floor)?,
                next_floor: Field::from_cell(next_floor)?,
                highest: Field::from_cell(highest)?,
            },
            names: Field::from_cell(names)?,
            content: Field::from_cell(content)?,
            before: Field::from_cell(before)?,
            child_spans: Field::from_cell(child_spans)?,
            sorted_child_spans: Field::from_cell(sorted_child_spans)?,
            subject: PhantomData,
        })
    }
}

impl Field for Content {
    const KIND: Kind = Kind::Bytes;

    fn to_cell(&self) -> Cell {
        Cell::Bytes(self.0.clone())
    }

    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Bytes(bytes) = cell { Some(Content(bytes.clone())) } else { None }
    }
}
