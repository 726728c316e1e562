//! Which events concern a tenant, and what stood in its books before them?

mod chunk;

use quipu_domain::{Position, Recorded};

pub use chunk::{ActivityChunk, ActivityKey, LaterPositions};

use crate::movement::Deltas;
use crate::{Projection, ProjectionError, Rows, movement};

/// Most events in a chunk. To show one line of a statement, all events of its chunk are read, and
/// each may lie in another row of the journal.
const MOST_EVENTS_IN_CHUNK: i64 = 64;

/// Which events concern a tenant, and what stood in its books before them?
///
/// Statements and audit logs are read from the journal itself; this finds their events. It costs
/// a few bytes an event where a row for each, with its indexes, was more than half of all work.
#[derive(Clone, Copy, Debug)]
pub struct Activity;

impl Projection for Activity {
    fn name(&self) -> &'static str {
        "activity"
    }

    fn version(&self) -> u32 {
        1
    }

    fn question(&self) -> &'static str {
        "Which events concern a tenant, and what stood in its books before them?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<ActivityChunk>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        if let Some(tenant) = &event.tenant {
            rows.want::<ActivityChunk>(ActivityKey::open(tenant));
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Some(tenant) = &event.tenant else { return Ok(()) };
        let deltas = match movement::wallet_event(event)? {
            Some((_, wallet)) => Deltas::of(&movement::postings_of(wallet)?),
            None => Deltas::default(),
        };
        let fresh = || ActivityChunk::opened_by(event, tenant, Deltas::default());
        let open = rows.edit_or::<ActivityChunk>(&ActivityKey::open(tenant), fresh)?;
        let mut full = None;
        if open.events == MOST_EVENTS_IN_CHUNK {
            let next = ActivityChunk::opened_by(event, tenant, open.after());
            full = Some(std::mem::replace(open, next).closed());
        }
        open.add(event, deltas)?;
        if let Some(full) = full {
            rows.put(full);
        }
        Ok(())
    }
}

impl ActivityKey {
    /// What the chunk that still grows has for its last position.
    pub const OPEN: Position = Position(i64::MAX.unsigned_abs());
}
