//! What falls due by itself: holds and lots that run out, lots whose time comes (W7, W12, W5).

use super::event::{Draws, HoldExpired, WalletEvent};
use super::funds::Funds;
use super::holds::Hold;
use super::{Dated, Wallet};
use crate::{GrantId, Moment, Timestamp};

/// What can fall due; on a tie in this order (W12).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The hold that was placed first of those that run out next.
    HoldRunsOut,
    /// The lot that expires first.
    LotExpires,
    /// A lot that can repay what is owed (W5).
    LotBegins,
}

impl Wallet {
    /// When the next thing falls due; [`Wallet::due`] has events from that moment on.
    #[must_use]
    pub fn next_due_at(&self) -> Option<Timestamp> {
        next_due(self.holds.next_expiry(), &self.funds).map(|(at, _)| at)
    }

    /// What has fallen due by now, in time order; on a tie holds, then lots that end, then lots
    /// that begin, then by id. Each counts, and what follows from it is judged, when it fell due:
    /// so it makes no difference how late this is asked.
    #[must_use]
    pub fn due(&self, moment: &Moment) -> Vec<Dated> {
        let is_due = |next: Option<(Timestamp, Due)>| next.filter(|(at, _)| *at <= moment.now);
        let mut dated = Vec::new();
        if is_due(next_due(self.holds.next_expiry(), &self.funds)).is_none() {
            return dated;
        }
        let mut funds = self.funds.clone();
        let mut holds = self.holds.run_out_by(moment.now).peekable();
        let mut events = Vec::new();
        while let Some((at, due)) =
            is_due(next_due(holds.peek().map(|hold| hold.expires_at), &funds))
        {
            match due {
                Due::HoldRunsOut => {
                    let Some(hold) = holds.next() else { break };
                    let event = expiry(hold);
                    funds.apply(&event).expect("an open hold's parts are held");
                    events.push(event);
                    funds.settle(&grants(&hold.draws), at, &mut events);
                }
                Due::LotExpires => funds.expire_first(&mut events),
                Due::LotBegins => funds.settle(&[], at, &mut events),
            }
            // Only in a forged journal has a lot begun that can repay and does not.
            if events.is_empty() {
                break;
            }
            dated.extend(events.drain(..).map(|event| Dated { effective_at: at, event }));
        }
        dated
    }
}

/// The first thing that falls due of lots, and of holds of which the first runs out then.
fn next_due(hold_at: Option<Timestamp>, funds: &Funds) -> Option<(Timestamp, Due)> {
    let hold = hold_at.map(|at| (at, Due::HoldRunsOut));
    let end = funds.lots.next_expiry().map(|(at, _)| (at, Due::LotExpires));
    let owes = funds.overdraft.repayable().is_positive();
    let begin = funds.lots.next_beginning().filter(|_| owes).map(|at| (at, Due::LotBegins));
    [hold, end, begin].into_iter().flatten().min()
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
