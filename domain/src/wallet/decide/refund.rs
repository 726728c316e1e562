//! Part of a line is returned (W10).

use super::checks;
use super::grant::ends_after;
use crate::wallet::event::{CreditsRefunded, Returns};
use crate::wallet::line::{Piece, pieces, total, unwind};
use crate::wallet::{Wallet, WalletContext, WalletEvent};
use crate::{Credits, EntryId, GrantId, Personal, Refusal, Timestamp};

impl Wallet {
    pub(super) fn refund(
        &self,
        entry: EntryId,
        amount: Option<Credits>,
        expires_at: Option<Timestamp>,
        reason: Option<&Personal>,
        context: &WalletContext<'_>,
    ) -> Result<Vec<WalletEvent>, Refusal> {
        let now = context.moment.now;
        let line = recorded_line(entry, context)?;
        if let Some(amount) = amount {
            checks::is_positive(amount)?;
        }
        ends_after(expires_at, now)?;
        let mut left = self.left_of(entry, line).ok_or(Refusal::NotRefundable { entry })?;
        let refundable = total(&left);
        let needed = amount.unwrap_or(refundable);
        if needed > refundable || refundable.is_zero() {
            return Err(Refusal::RefundExceedsDebit { entry, needed, refundable });
        }
        let unwound = unwind(&mut left, needed);
        let returns = self.returns(&unwound, expires_at, context)?;
        let back = returned_lots(&returns);
        let event = WalletEvent::CreditsRefunded(CreditsRefunded {
            entry: EntryId(context.moment.next),
            of: entry,
            amount: needed,
            returns,
            reason: reason.cloned(),
        });
        self.with_consequences(event, &back, now)
    }

    /// The stack of what a line drew and has not given back; `None` if it never drew anything.
    pub(super) fn left_of(&self, entry: EntryId, line: &WalletEvent) -> Option<Vec<Piece>> {
        let recorded = pieces(&line.consumed()?);
        match self.lines.get(entry) {
            Some(line) if recorded.is_empty() && line.cost.is_none_or(|cost| cost.is_zero()) => {
                None
            }
            Some(line) => Some(line.left(&recorded)),
            None => Some(recorded).filter(|recorded| !recorded.is_empty()),
        }
    }
}

/// The event that is this line of the statement.
pub(super) fn recorded_line<'a>(
    entry: EntryId,
    context: &WalletContext<'a>,
) -> Result<&'a WalletEvent, Refusal> {
    let event = context.original.map(|original| &original.event);
    event.filter(|event| event.entry() == Some(entry)).ok_or(Refusal::UnknownEntry { entry })
}

/// The lots that something comes back to.
pub(super) fn returned_lots(returns: &Returns) -> Vec<GrantId> {
    returns.lots.iter().map(|lot| lot.grant).collect()
}
