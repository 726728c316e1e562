//! Which events concern a tenant: the way from a question to the journal.

use quipu_database::{Connection, Value};
use quipu_domain::{Position, Recorded, TenantId};
use quipu_projections::{Activity, ActivityChunk, ActivityKey, Projection};

use super::{Order, Page, int};
use crate::{Feed, FeedError, Views, ViewsError, cells, checkpoints};

/// Chunks in one SELECT.
const CHUNKS: i64 = 16;

/// Most events that one request looks at. Where few of them fit its filters, the page is short,
/// or empty, and its cursor tells where to go on.
const MOST_SCANNED_EVENTS: usize = 2_048;

/// A range of keys ends at the chunk that holds `$3`: the first one with no earlier `until`.
macro_rules! chunks_ordered {
    ($direction:literal) => {
        concat!(
            "SELECT * FROM activity WHERE tenant = $1 AND until > $2 \
             AND until <= (SELECT MIN(until) FROM activity WHERE tenant = $1 AND until >= $3) \
             AND first_position <= $3 \
             AND latest_effective_at >= $4 AND earliest_effective_at <= $5 \
             ORDER BY until ",
            $direction,
            " LIMIT $6"
        )
    };
}
pub(super) const OLDEST_FIRST: &str = chunks_ordered!("ASC");
pub(super) const NEWEST_FIRST: &str = chunks_ordered!("DESC");

/// Some of a tenant's events, by where they stand and when they count; all bounds inclusive.
#[derive(Clone, Copy)]
pub(super) struct Range<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) order: Order,
    pub(super) first: Position,
    pub(super) last: Position,
    /// Chunks without any event that counts between these moments are passed over.
    pub(super) earliest: i64,
    pub(super) latest: i64,
}

impl<'a> Range<'a> {
    /// A tenant's events up to a position, from a cursor on.
    pub(super) fn after(
        tenant: &'a TenantId,
        order: Order,
        cursor: Option<Position>,
        last: Position,
    ) -> Range<'a> {
        let (first, last) = between(order, cursor, last);
        Range { tenant, order, first, last, earliest: i64::MIN, latest: i64::MAX }
    }

    /// The chunks that hold them, as many as one SELECT gives.
    pub(super) fn chunks(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<ActivityChunk>, ViewsError> {
        if self.first > self.last {
            return Ok(Vec::new());
        }
        let sql = match self.order {
            Order::OldestFirst => OLDEST_FIRST,
            Order::NewestFirst => NEWEST_FIRST,
        };
        let params: [Value; 6] = [
            self.tenant.as_str().into(),
            (int(&self.first) - 1).into(),
            int(&self.last).into(),
            self.earliest.into(),
            self.latest.into(),
            CHUNKS.into(),
        ];
        cells::all_typed(&connection.query(sql, &params)?)
    }

    /// Leaves out what stands before or after these positions.
    pub(super) fn narrow(&mut self, (first, last): (Position, Position)) {
        self.first = self.first.max(first);
        self.last = self.last.min(last);
    }

    /// Where what stands beside the first line that comes is known: before the oldest line, or
    /// with the newest.
    pub(super) const fn before_first_line(&self) -> Position {
        match self.order {
            Order::OldestFirst => Position(self.first.0.saturating_sub(1)),
            Order::NewestFirst => self.last,
        }
    }

    /// Whether an event is one of them.
    pub(super) fn counts(&self, event: &Recorded) -> bool {
        let effective_at = event.effective_at().micros();
        self.contains(event.position) && (self.earliest..=self.latest).contains(&effective_at)
    }

    fn contains(&self, position: Position) -> bool {
        (self.first..=self.last).contains(&position)
    }

    /// What is left after a chunk.
    fn beyond(self, chunk: &ActivityChunk) -> Range<'a> {
        match self.order {
            // Nothing comes after the chunk that still grows.
            Order::OldestFirst => Range { first: chunk.until.plus(1), ..self },
            Order::NewestFirst => Range { last: Position(chunk.first_position.0 - 1), ..self },
        }
    }

    /// A page of what `render` makes of the events, chunk by chunk: lines with their positions,
    /// oldest first. It is given all events of a chunk up to the last that is asked for.
    pub(super) fn page<T>(
        mut self,
        connection: &mut Connection,
        feed: &dyn Feed,
        limit: usize,
        mut render: impl FnMut(&ActivityChunk, &[Recorded]) -> Result<Vec<(Position, T)>, ViewsError>,
    ) -> Result<Page<T, Position>, ViewsError> {
        let mut page = Lines { limit, items: Vec::new(), cursor: None };
        let mut scanned = 0;
        loop {
            let chunks = self.chunks(connection)?;
            if chunks.is_empty() {
                return Ok(page.end(None));
            }
            for chunk in chunks {
                let positions: Vec<Position> =
                    chunk.positions().take_while(|position| *position <= self.last).collect();
                let events = events_at(feed, &positions)?;
                scanned += events.len();
                let mut lines = render(&chunk, &events)?;
                lines.retain(|(position, _)| self.contains(*position));
                if self.order == Order::NewestFirst {
                    lines.reverse();
                }
                for (position, line) in lines {
                    if !page.push(position, line) {
                        let cursor = page.cursor;
                        return Ok(page.end(cursor));
                    }
                }
                let reached = match self.order {
                    Order::OldestFirst => chunk.last_position,
                    Order::NewestFirst => chunk.first_position,
                };
                self = self.beyond(&chunk);
                if scanned >= MOST_SCANNED_EVENTS {
                    return Ok(page.end(Some(reached)));
                }
            }
        }
    }
}

/// The positions that come after a cursor, in an order, and not after `last`.
pub(super) fn between(
    order: Order,
    cursor: Option<Position>,
    last: Position,
) -> (Position, Position) {
    match (order, cursor) {
        (Order::OldestFirst, cursor) => (cursor.unwrap_or_default().plus(1), last),
        (Order::NewestFirst, None) => (Position(1), last),
        (Order::NewestFirst, Some(cursor)) => {
            (Position(1), last.min(Position(cursor.0.saturating_sub(1))))
        }
    }
}

/// A page in the making.
pub(super) struct Lines<T> {
    pub(super) limit: usize,
    pub(super) items: Vec<T>,
    pub(super) cursor: Option<Position>,
}

impl<T> Lines<T> {
    /// Takes a line; false when the page is full, and there is thus another one.
    pub(super) fn push(&mut self, position: Position, line: T) -> bool {
        let fits = self.items.len() < self.limit;
        if fits {
            self.items.push(line);
            self.cursor = Some(position);
        }
        fits
    }

    pub(super) fn end(self, next: Option<Position>) -> Page<T, Position> {
        Page { items: self.items, next }
    }
}

/// The events at these positions, which the journal must have.
pub(super) fn events_at(
    feed: &dyn Feed,
    positions: &[Position],
) -> Result<Vec<Recorded>, ViewsError> {
    let events = feed.events_at(positions)?;
    if events.len() != positions.len() {
        let (found, wanted) = (events.len(), positions.len());
        return Err(FeedError(format!("{found} of {wanted} events are there")).into());
    }
    Ok(events)
}

/// Where events of a tenant stand, and how far that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantPositions {
    /// Some of them, in order.
    pub positions: Vec<Position>,
    /// There are no others up to here.
    pub until: Position,
}

impl Views {
    /// Where the next events of a tenant stand after a position. Nothing is known of a tenant
    /// that the views do not have, or whose partition is parked.
    pub fn positions_after(
        &self,
        tenant: &TenantId,
        after: Position,
    ) -> Result<TenantPositions, ViewsError> {
        let read = |connection: &mut Connection| {
            let name = Activity.name();
            let until = checkpoints::position_of(connection, name)?;
            if checkpoints::parked_at(connection, name, tenant.as_str())?.is_some() {
                return Ok(TenantPositions { positions: Vec::new(), until: after });
            }
            let range = Range::after(tenant, Order::OldestFirst, Some(after), until);
            let chunks = range.chunks(connection)?;
            let is_last = chunks.last().is_none_or(|chunk| chunk.until == ActivityKey::OPEN);
            let known = chunks.last().filter(|_| !is_last).map(|chunk| chunk.last_position);
            let positions = chunks.iter().flat_map(ActivityChunk::positions);
            Ok(TenantPositions {
                positions: positions.filter(|position| range.contains(*position)).collect(),
                until: known.unwrap_or(until).max(after),
            })
        };
        self.database().read(|connection| Ok(read(connection)))?
    }
}
