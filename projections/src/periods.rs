//! Which periods were closed, and with which balances?

use std::sync::Arc;

use quipu_domain::period::{PeriodEvent, PeriodName};
use quipu_domain::{Event, Label, Position, Recorded, Timestamp};

use crate::json::json;
use crate::table::table;
use crate::{Projection, ProjectionError, Rows};

table! {
    /// A period that was closed (C1).
    ClosedPeriod in "closed_period"
    key ClosedPeriodKey {
        /// Its first moment.
        begins_at: Timestamp,
    }
    columns {
        /// The first moment after it.
        ends_at: Timestamp,
        /// What it is called.
        period: PeriodName,
        /// The last event that was taken into account.
        known_at: Position,
        /// The journal's root there.
        root: Label,
        /// What the accounts held (C2): a JSON array.
        balances: Arc<str>,
        /// When it was closed.
        closed_at: Timestamp,
        /// The event that closed it.
        position: Position,
    }
}

/// Which periods were closed, and with which balances?
#[derive(Clone, Copy, Debug)]
pub struct Periods;

impl Projection for Periods {
    fn name(&self) -> &'static str {
        "periods"
    }

    fn version(&self) -> u32 {
        1
    }

    fn question(&self) -> &'static str {
        "Which periods were closed, and with which balances?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<ClosedPeriod>()
    }

    /// Each event makes a row of its own: there is nothing to look up.
    fn prepare(&self, _: &Recorded, _: &mut Rows) {}

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Event::Period(PeriodEvent::PeriodClosed(closed)) = &event.event else { return Ok(()) };
        rows.put(ClosedPeriod {
            begins_at: closed.from,
            ends_at: closed.to,
            period: closed.period,
            known_at: closed.known_at,
            root: closed.root.clone(),
            balances: json(&closed.balances),
            closed_at: event.recorded_at,
            position: event.position,
        });
        Ok(())
    }
}
