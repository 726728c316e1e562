//! Where credits go that a line gives back (W10).

use crate::wallet::event::{GrantKind, LotReturn, LotTerms, Origin, Returns};
use crate::wallet::line::Piece;
use crate::wallet::{Wallet, WalletContext};
use crate::{Credits, GrantId, Refusal, Timestamp};

/// Returns in the making.
struct Unwinding<'a> {
    wallet: &'a Wallet,
    context: &'a WalletContext<'a>,
    new_expiry: Option<Timestamp>,
    returns: Returns,
}

impl Wallet {
    /// Sends each piece back to where it came from, in the order they are unwound. At most one
    /// new lot is made of those that cannot: the terms of the first one decide, but its kind is
    /// promotional if any of them was.
    pub(super) fn returns(
        &self,
        unwound: &[Piece],
        new_expiry: Option<Timestamp>,
        context: &WalletContext<'_>,
    ) -> Result<Returns, Refusal> {
        let mut unwinding =
            Unwinding { wallet: self, context, new_expiry, returns: Returns::default() };
        for piece in unwound {
            match piece.grant {
                Some(grant) => unwinding.return_to_lot(grant, piece.amount)?,
                None => unwinding.return_to_overdraft(piece.amount)?,
            }
        }
        Ok(unwinding.returns)
    }
}

impl Unwinding<'_> {
    /// Back to its lot, which may be used up; to a new one if that has expired and the credits
    /// are given more time. A caller that did not fetch the terms of a lot that is used up is
    /// told that there is no such grant.
    fn return_to_lot(&mut self, grant: GrantId, amount: Credits) -> Result<(), Refusal> {
        let funds = &self.wallet.funds;
        let recorded = || self.context.original.and_then(|original| original.lots.get(&grant));
        let terms = funds.lots.get(grant).map(|lot| &lot.terms).or_else(recorded);
        let terms = terms.ok_or(Refusal::UnknownGrant { grant })?;
        let expired = terms.expires_at.is_some_and(|at| at <= self.context.moment.now);
        if let Some(expires_at) = self.new_expiry.filter(|_| expired && !funds.is_voided(grant)) {
            let terms = LotTerms { expires_at: Some(expires_at), ..terms.clone() };
            return self.return_to_new_lot(amount, terms);
        }
        let lots = &mut self.returns.lots;
        match lots.iter_mut().find(|lot| lot.grant == grant) {
            Some(lot) => lot.amount = plus(lot.amount, amount)?,
            None => lots.push(LotReturn { grant, amount, terms: terms.clone() }),
        }
        Ok(())
    }

    /// Against what is owed; what was repaid meanwhile comes back as credits.
    fn return_to_overdraft(&mut self, amount: Credits) -> Result<(), Refusal> {
        let repayable = self.wallet.funds.overdraft.repayable();
        let open = repayable.minus(self.returns.overdraft);
        let part = amount.min(open.map_err(|_| Refusal::AmountOutOfRange)?);
        self.returns.overdraft = plus(self.returns.overdraft, part)?;
        let rest = amount.minus(part).map_err(|_| Refusal::AmountOutOfRange)?;
        if rest.is_zero() {
            return Ok(());
        }
        let terms = LotTerms {
            kind: GrantKind::Paid,
            priority: LotTerms::DEFAULT_PRIORITY,
            effective_at: self.context.moment.now,
            expires_at: None,
            scope: Vec::new(),
            origin: Origin::Adjustment,
        };
        self.return_to_new_lot(rest, terms)
    }

    fn return_to_new_lot(&mut self, amount: Credits, terms: LotTerms) -> Result<(), Refusal> {
        match &mut self.returns.new_lot {
            Some(lot) => {
                lot.amount = plus(lot.amount, amount)?;
                lot.terms.kind = lot.terms.kind.min(terms.kind);
            }
            None => {
                let grant = GrantId(self.context.moment.next);
                self.returns.new_lot = Some(LotReturn { grant, amount, terms });
            }
        }
        Ok(())
    }
}

fn plus(a: Credits, b: Credits) -> Result<Credits, Refusal> {
    a.plus(b).map_err(|_| Refusal::AmountOutOfRange)
}
