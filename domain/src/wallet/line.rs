//! What is left of the lines that were refunded, voided or rated again (W10, U4).
//!
//! A line's draws are a stack: what was drawn last goes back first, overdraft before lots. The
//! recorded event has the bottom of it; a later rating that charges more lays its draws on top.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::WalletEvent;
use super::event::{Draws, Tally, UsageRated};
use super::lots::ensure;
use crate::amount::AmountError;
use crate::event::Inconsistency;
use crate::{Credits, EntryId, GrantId};

/// One part of what a line drew: of a lot, or overdraft where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Piece {
    /// The lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grant: Option<GrantId>,
    /// How much of it.
    pub(super) amount: Credits,
}

/// What happened to a line after it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    /// How much of the recorded draws went back.
    pub(super) returned: Credits,
    /// What later ratings drew and did not return.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) added: Vec<Piece>,
    /// What it costs by its last rating.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cost: Option<Credits>,
    /// What lower prices could not return, because refunds had: it is set against the next rise.
    #[serde(default, skip_serializing_if = "Credits::is_zero")]
    pub(super) unreturned: Credits,
    /// Where a later rating put it in the running total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tally: Option<Tally>,
    /// The line of the rating by which it joined that total, if it did so after it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) joined: Option<EntryId>,
    /// Whether it is void (U4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) void: bool,
}

impl Line {
    /// The whole stack that is left, given what the line drew when it was recorded.
    pub(super) fn left(&self, recorded: &[Piece]) -> Vec<Piece> {
        let mut left = recorded.to_vec();
        unwind(&mut left, self.returned);
        left.extend(&self.added);
        left
    }

    /// The lots that later ratings drew.
    pub(super) fn added_lots(&self) -> Vec<GrantId> {
        self.added.iter().filter_map(|piece| piece.grant).collect()
    }

    /// U4: what a higher price charges of a rise.
    pub(super) fn charged_of(&self, rise: Credits) -> Result<Credits, AmountError> {
        rise.minus(rise.min(self.unreturned))
    }

    /// A rating moves the cost; what that did not move in credits is remembered.
    fn rate(&mut self, rated: &UsageRated) -> Result<(), AmountError> {
        let change = rated.amount.minus(rated.previous)?;
        let moved = rated.draws.total().minus(rated.returns.total())?;
        self.unreturned = self.unreturned.plus(moved)?.minus(change)?;
        self.cost = Some(rated.amount);
        Ok(())
    }

    fn give_back(&mut self, amount: Credits) -> Result<(), Inconsistency> {
        let unwound = unwind(&mut self.added, amount);
        let rest = amount.minus(total(&unwound)).and_then(|rest| self.returned.plus(rest));
        self.returned = rest.map_err(|error| Inconsistency(error.to_string()))?;
        Ok(())
    }
}

/// Takes an amount off the top of a stack; less where less is there. Topmost first.
pub(super) fn unwind(stack: &mut Vec<Piece>, amount: Credits) -> Vec<Piece> {
    let mut missing = amount;
    let mut unwound = Vec::new();
    while missing.is_positive() {
        let Some(top) = stack.last_mut() else { break };
        let part = missing.min(top.amount);
        unwound.push(Piece { grant: top.grant, amount: part });
        missing = missing.minus(part).expect("a part is not more than the whole");
        if part == top.amount {
            stack.pop();
        } else {
            top.amount = top.amount.minus(part).expect("a part is not more than the whole");
        }
    }
    unwound
}

/// The stack that draws make: lots in the order they were drawn, overdraft on top.
pub(super) fn pieces(draws: &[&Draws]) -> Vec<Piece> {
    let lots = draws.iter().flat_map(|draws| &draws.lots);
    let lots = lots.map(|draw| Piece { grant: Some(draw.grant), amount: draw.amount });
    let owed = draws.iter().map(|draws| Piece { grant: None, amount: draws.overdraft });
    lots.chain(owed.filter(|piece| piece.amount.is_positive())).collect()
}

/// What the pieces are together.
pub(super) fn total(pieces: &[Piece]) -> Credits {
    Credits::sum(pieces.iter().map(|piece| piece.amount))
        .expect("M3: a line's parts together are within the limit")
}

/// Lines by entry; only those that something happened to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Lines(BTreeMap<EntryId, Line>);

impl Lines {
    pub(super) fn get(&self, entry: EntryId) -> Option<&Line> {
        self.0.get(&entry)
    }

    /// What an event does to the lines.
    pub(super) fn apply(&mut self, event: &WalletEvent) -> Result<(), Inconsistency> {
        match event {
            WalletEvent::CreditsRefunded(e) => {
                self.0.entry(e.of).or_default().give_back(e.amount)?;
            }
            WalletEvent::UsageVoided(e) => {
                let line = self.0.entry(e.of).or_default();
                ensure(!line.void, || format!("{} is void already", e.of))?;
                line.give_back(e.amount)?;
                line.void = true;
            }
            WalletEvent::UsageRated(e) => {
                let line = self.0.entry(e.of).or_default();
                ensure(!line.void, || format!("{} is void", e.of))?;
                line.give_back(e.returns.total())?;
                line.added.extend(pieces(&[&e.draws]));
                line.rate(e).map_err(|error| Inconsistency(error.to_string()))?;
                if e.tally.is_some() {
                    line.tally.clone_from(&e.tally);
                    line.joined = line.joined.or(e.carried_on.is_none().then_some(e.entry));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
