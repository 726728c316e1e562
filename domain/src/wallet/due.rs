//! What falls due by itself: holds and lots that run out, lots whose time comes (W7, W12, W5).

use super::Wallet;
use super::event::{Draws, HoldExpired, WalletEvent};
use super::holds::Hold;
use crate::{GrantId, Moment, Timestamp};

impl Wallet {
    /// When the next thing falls due; [`Wallet::due`] has events from that moment on.
    #[must_use]
    pub fn next_due_at(&self) -> Option<Timestamp> {
        let owes = self.funds.overdraft.repayable().is_positive();
        let repayment = if owes { self.funds.lots.next_beginning() } else { None };
        let lot = self.funds.lots.next_expiry().map(|(at, _)| at);
        [self.holds.next_expiry(), lot, repayment].into_iter().flatten().min()
    }

    /// What has fallen due by now, in time order; on a tie holds before lots, then by id. Late or
    /// on time, a lot that has expired by now repays nothing (W3).
    #[must_use]
    pub fn due(&self, moment: &Moment) -> Vec<WalletEvent> {
        let now = moment.now;
        let mut events = Vec::new();
        if self.next_due_at().is_none_or(|at| at > now) {
            return events;
        }
        let mut funds = self.funds.clone();
        let mut holds = self.holds.run_out_by(now).peekable();
        loop {
            let lot_at = funds.lots.next_expiry().map(|(at, _)| at).filter(|at| *at <= now);
            match (holds.peek().map(|hold| hold.expires_at), lot_at) {
                (Some(hold_at), Some(lot_at)) if lot_at < hold_at => {
                    funds.expire_first(&mut events);
                }
                (Some(_), _) => {
                    let Some(hold) = holds.next() else { break };
                    let event = expiry(hold);
                    funds.apply(&event).expect("an open hold's parts are held");
                    events.push(event);
                    funds.settle(&grants(&hold.draws), now, &mut events);
                }
                (None, Some(_)) => funds.expire_first(&mut events),
                (None, None) => break,
            }
        }
        funds.settle(&[], now, &mut events);
        events
    }
}

fn expiry(hold: &Hold) -> WalletEvent {
    WalletEvent::HoldExpired(HoldExpired {
        hold: hold.hold,
        amount: hold.amount,
        returned: hold.draws.clone(),
        expired_at: hold.expires_at,
    })
}

/// The lots of some draws.
pub(super) fn grants(draws: &Draws) -> Vec<GrantId> {
    draws.lots.iter().map(|draw| draw.grant).collect()
}
