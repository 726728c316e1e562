//! A hold gets more time, or ends without a charge (W7, W9).

use crate::wallet::due::grants;
use crate::wallet::event::{HoldExtended, HoldReleased};
use crate::wallet::holds::Hold;
use crate::wallet::{Wallet, WalletContext, WalletEvent};
use crate::{Credits, HoldId, Personal, Refusal};

/// W6: where the caller names none.
const DEFAULT_TTL_SECONDS: i64 = 900;
/// W6: 24 hours.
const MOST_TTL_SECONDS: i64 = 86_400;

/// W6: the seconds a hold lives.
pub(super) fn time_to_live(ttl_seconds: Option<i64>) -> Result<i64, Refusal> {
    let ttl_seconds = ttl_seconds.unwrap_or(DEFAULT_TTL_SECONDS);
    if (1..=MOST_TTL_SECONDS).contains(&ttl_seconds) {
        Ok(ttl_seconds)
    } else {
        Err(Refusal::TtlOutOfRange { ttl_seconds, most: MOST_TTL_SECONDS })
    }
}

impl Wallet {
    /// W9: never less time than it has.
    pub(super) fn extend_hold(
        &self,
        hold: HoldId,
        ttl_seconds: Option<i64>,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let open = self.open_hold(hold, context);
        if let Err(unknown @ Refusal::UnknownHold { .. }) = open {
            return Err(unknown);
        }
        let ttl_seconds = time_to_live(ttl_seconds)?;
        let expires_at = context.moment.now.plus_seconds(ttl_seconds).max(open?.expires_at);
        Ok(vec![WalletEvent::HoldExtended(HoldExtended { hold, expires_at })])
    }

    /// W7: everything goes back.
    pub(super) fn release_hold(
        &self,
        hold: HoldId,
        reason: Option<&Personal>,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let open = self.open_hold(hold, context)?;
        let event = WalletEvent::HoldReleased(HoldReleased {
            hold,
            amount: open.amount,
            returned: open.draws.clone(),
            reason: reason.cloned(),
        });
        let now = context.moment.now;
        if self.funds.is_quiet(&open.draws, Credits::ZERO, now) {
            return Ok(vec![event]);
        }
        self.with_consequences(event, &grants(&open.draws), now)
    }

    /// The open hold, or why there is none: it ran out, it ended, it never was.
    pub(super) fn open_hold(
        &self,
        hold: HoldId,
        context: &WalletContext<'_>,
    ) -> Result<&Hold, Refusal> {
        self.holds.get(hold).ok_or_else(|| {
            let placed = context.original.map(|original| &original.event);
            match (self.holds.get_expired(hold), placed) {
                (Some(expired), _) => Refusal::HoldExpired {
                    hold,
                    expired_at: expired.expired_at,
                    settle_until: expired.settle_until(context.moment.now),
                },
                (None, Some(WalletEvent::HoldPlaced(placed))) if placed.hold == hold => {
                    Refusal::HoldEnded { hold }
                }
                (None, _) => Refusal::UnknownHold { hold },
            }
        })
    }
}
