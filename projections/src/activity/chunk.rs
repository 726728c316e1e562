//! Some of a tenant's events in a row.

use quipu_domain::{Credits, Position, Recorded, TenantId, Timestamp};

use crate::bytes::{self, Numbers};
use crate::cell::{Cell, Field, Kind};
use crate::movement::Deltas;
use crate::table::table;
use crate::{ProjectionError, Statement};

table! {
    /// Some of a tenant's events, one after the other, and its book balances around them, which M3
    /// bounds: they are those of one moment of recording.
    ActivityChunk in "activity"
    key ActivityKey {
        /// Whose.
        tenant: TenantId,
        /// The last position; for the chunk that still grows, one that no event will have. So the
        /// chunk that holds a position is the first one whose `until` is not before it.
        until: Position,
    }
    columns {
        /// Its first event.
        first_position: Position,
        /// Its last event.
        last_position: Position,
        /// How many there are.
        events: i64,
        /// Where those after the first one stand.
        later_positions: LaterPositions,
        /// The first moment at which one of them counts (M5).
        earliest_effective_at: Timestamp,
        /// The last such moment.
        latest_effective_at: Timestamp,
        /// The available account before the first event.
        available_before: Credits,
        /// The held account before it.
        held_before: Credits,
        /// The overdraft account before it: zero or below.
        overdraft_before: Credits,
        /// The available account after the last event.
        available_after: Credits,
        /// The held account after it.
        held_after: Credits,
        /// The overdraft account after it.
        overdraft_after: Credits,
    }
}

/// Distances from one event to the next, in as few bytes as they need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaterPositions(Vec<u8>);

impl ActivityKey {
    /// The chunk that still grows.
    pub(super) fn open(tenant: &TenantId) -> ActivityKey {
        ActivityKey { tenant: tenant.clone(), until: ActivityKey::OPEN }
    }
}

impl ActivityChunk {
    /// Where its events stand, in order.
    pub fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        self.later_positions.starting_at(self.first_position)
    }

    /// The statement as it stood before its first event.
    #[must_use]
    pub fn statement(&self) -> Statement {
        let before = Deltas {
            available: self.available_before,
            held: self.held_before,
            overdraft: self.overdraft_before,
        };
        Statement::from_balance(before.into())
    }

    /// A chunk without events, which begins with this one.
    pub(super) fn opened_by(event: &Recorded, tenant: &TenantId, before: Deltas) -> ActivityChunk {
        ActivityChunk {
            tenant: tenant.clone(),
            until: ActivityKey::OPEN,
            first_position: event.position,
            last_position: event.position,
            events: 0,
            later_positions: LaterPositions::default(),
            earliest_effective_at: event.effective_at(),
            latest_effective_at: event.effective_at(),
            available_before: before.available,
            held_before: before.held,
            overdraft_before: before.overdraft,
            available_after: before.available,
            held_after: before.held,
            overdraft_after: before.overdraft,
        }
    }

    /// The same chunk, which grows no more.
    pub(super) fn closed(self) -> ActivityChunk {
        ActivityChunk { until: self.last_position, ..self }
    }

    pub(super) fn after(&self) -> Deltas {
        Deltas {
            available: self.available_after,
            held: self.held_after,
            overdraft: self.overdraft_after,
        }
    }

    pub(super) fn add(&mut self, event: &Recorded, deltas: Deltas) -> Result<(), ProjectionError> {
        let after = self.after().plus(deltas)?;
        // A row that another process has written meanwhile may already be further.
        let distance = event.position.0.checked_sub(self.last_position.0).ok_or_else(|| {
            let (found, last) = (event.position, self.last_position);
            ProjectionError::Inconsistent(format!("event {found} comes after event {last}"))
        })?;
        self.available_after = after.available;
        self.held_after = after.held;
        self.overdraft_after = after.overdraft;
        if self.events > 0 {
            self.later_positions.push(distance);
        }
        self.last_position = event.position;
        self.events += 1;
        self.earliest_effective_at = self.earliest_effective_at.min(event.effective_at());
        self.latest_effective_at = self.latest_effective_at.max(event.effective_at());
        Ok(())
    }
}

impl LaterPositions {
    /// Adds a position that is so many events after the last one.
    pub(crate) fn push(&mut self, distance: u64) {
        bytes::put(&mut self.0, distance);
    }

    /// All positions, from the first on.
    pub(crate) fn starting_at(&self, first: Position) -> impl Iterator<Item = Position> + '_ {
        let later = Numbers::of(&self.0).scan(first, |at, distance| {
            *at = at.plus(distance);
            Some(*at)
        });
        std::iter::once(first).chain(later)
    }
}

impl Field for LaterPositions {
    const KIND: Kind = Kind::Bytes;

    fn to_cell(&self) -> Cell {
        Cell::Bytes(self.0.clone())
    }

    fn from_cell(cell: &Cell) -> Option<Self> {
        if let Cell::Bytes(bytes) = cell { Some(LaterPositions(bytes.clone())) } else { None }
    }
}
