//! Which periods were closed, and with which balances?

use std::sync::Arc;

use quipu_domain::period::{BalancesSealed, PeriodClosed, PeriodEvent, PeriodName};
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

table! {
    /// A period whose balances are sealed in parts, until the event that closes it (C2).
    ClosingPeriod in "closing_period"
    key ClosingPeriodKey {
        /// Its first moment.
        begins_at: Timestamp,
    }
    columns {
        /// What the accounts of its parts held: a JSON array.
        balances: Arc<str>,
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
        2
    }

    fn question(&self) -> &'static str {
        "Which periods were closed, and with which balances?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<ClosedPeriod>().with::<ClosingPeriod>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        if let Event::Period(event) = &event.event {
            rows.want::<ClosingPeriod>(key_of(event));
        }
    }

    fn apply(&self, recorded: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Event::Period(event) = &recorded.event else { return Ok(()) };
        let key = key_of(event);
        let parts = rows.get::<ClosingPeriod>(&key)?.map(|parts| Arc::clone(&parts.balances));
        let balances = with_more(parts, json(event.balances()));
        match event {
            PeriodEvent::BalancesSealed(_) => {
                rows.put(ClosingPeriod { begins_at: key.begins_at, balances });
            }
            PeriodEvent::PeriodClosed(closed) => {
                rows.delete::<ClosingPeriod>(&key)?;
                rows.put(closed_period(recorded, closed, balances));
            }
        }
        Ok(())
    }
}

fn key_of(event: &PeriodEvent) -> ClosingPeriodKey {
    let (PeriodEvent::BalancesSealed(BalancesSealed { period, .. })
    | PeriodEvent::PeriodClosed(PeriodClosed { period, .. })) = event;
    ClosingPeriodKey { begins_at: period.begins_at() }
}

fn closed_period(recorded: &Recorded, closed: &PeriodClosed, balances: Arc<str>) -> ClosedPeriod {
    ClosedPeriod {
        begins_at: closed.from,
        ends_at: closed.to,
        period: closed.period,
        known_at: closed.known_at,
        root: closed.root.clone(),
        balances,
        closed_at: recorded.recorded_at,
        position: recorded.position,
    }
}

/// A JSON array with the elements of another after its own.
fn with_more(array: Option<Arc<str>>, more: Arc<str>) -> Arc<str> {
    let Some(array) = array else { return more };
    match (array.strip_suffix(']'), more.strip_prefix('[')) {
        (Some("["), _) | (None, _) | (_, None) => more,
        (Some(_), Some("]")) => array,
        (Some(elements), Some(more)) => format!("{elements},{more}").into(),
    }
}
