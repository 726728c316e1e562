//! A sealed trial balance as events: one where it fits, otherwise with parts before it (C2).

use std::mem;

use serde::Serialize;

use super::{BalancesSealed, PeriodClosed, PeriodEvent};

/// Most bytes of JSON that a period's event has: a journal takes it, whatever surrounds its data.
pub const MOST_BYTES_IN_EVENT: usize = 48_000;

/// The events that seal what `closed` says, each with as many balances as it has room for. The
/// period's end is the last.
pub(super) fn events_of(mut closed: PeriodClosed) -> Vec<PeriodEvent> {
    let balances = mem::take(&mut closed.balances);
    // A part has less around its balances than the end has. The last balance has no comma.
    let around = bytes(&PeriodEvent::PeriodClosed(closed.clone())) - 1;
    let mut parts = vec![Vec::new()];
    let mut sum = around;
    for balance in balances {
        let more = bytes(&balance) + 1;
        if sum + more > MOST_BYTES_IN_EVENT {
            parts.push(Vec::new());
            sum = around;
        }
        sum += more;
        parts.last_mut().expect("there is one from the start").push(balance);
    }
    closed.balances = parts.pop().expect("there is one from the start");
    let part = |balances| BalancesSealed { period: closed.period, balances };
    let mut events: Vec<PeriodEvent> =
        parts.into_iter().map(part).map(PeriodEvent::BalancesSealed).collect();
    events.push(PeriodEvent::PeriodClosed(closed));
    events
}

fn bytes(value: &impl Serialize) -> usize {
    serde_json::to_string(value).expect("what an event holds can be written").len()
}
