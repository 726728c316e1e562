//! Every movement as balanced postings (rule M4): what one account gives, others get.

use std::fmt;
use std::str::FromStr;

use crate::ids::IdError;
use crate::wallet::WalletEvent;
use crate::wallet::event::{Draws, Origin, Returns};
use crate::{Credits, MeterName};

/// An account of the book. The first three are a tenant's own; the others are the other side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Credits in lots and not held.
    Available,
    /// Credits that holds have reserved.
    Held,
    /// What the tenant owes: zero or below.
    Overdraft,
    /// What was ever granted: zero or below.
    Issued(Origin),
    /// What a meter consumed; `None` is work without a meter.
    Consumed(Option<MeterName>),
    /// What expired.
    Expired,
    /// What was refunded: zero or below.
    Refunded,
}

impl Account {
    /// Every account but those of the meters. Their order is stored by those who number them: new
    /// ones go to the end.
    pub const WITHOUT_METER: [Account; 10] = [
        Account::Available,
        Account::Held,
        Account::Overdraft,
        Account::Issued(Origin::Purchase),
        Account::Issued(Origin::Plan),
        Account::Issued(Origin::Promotion),
        Account::Issued(Origin::Adjustment),
        Account::Consumed(None),
        Account::Expired,
        Account::Refunded,
    ];
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Available => f.write_str("available"),
            Account::Held => f.write_str("held"),
            Account::Overdraft => f.write_str("overdraft"),
            Account::Issued(Origin::Purchase) => f.write_str("issued/purchase"),
            Account::Issued(Origin::Plan) => f.write_str("issued/plan"),
            Account::Issued(Origin::Promotion) => f.write_str("issued/promotion"),
            Account::Issued(Origin::Adjustment) => f.write_str("issued/adjustment"),
            // A name has no capitals, so one marks the meter that is called as none is.
            Account::Consumed(Some(meter)) if meter.as_str() == "-" => f.write_str("consumed/-H"),
            Account::Consumed(Some(meter)) => write!(f, "consumed/{meter}"),
            Account::Consumed(None) => f.write_str("consumed/-"),
            Account::Expired => f.write_str("expired"),
            Account::Refunded => f.write_str("refunded"),
        }
    }
}

impl FromStr for Account {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Account, IdError> {
        Ok(match text {
            "available" => Account::Available,
            "held" => Account::Held,
            "overdraft" => Account::Overdraft,
            "issued/purchase" => Account::Issued(Origin::Purchase),
            "issued/plan" => Account::Issued(Origin::Plan),
            "issued/promotion" => Account::Issued(Origin::Promotion),
            "issued/adjustment" => Account::Issued(Origin::Adjustment),
            "consumed/-H" => Account::Consumed(Some("-".parse()?)),
            "consumed/-" => Account::Consumed(None),
            "expired" => Account::Expired,
            "refunded" => Account::Refunded,
            _ => match text.strip_prefix("consumed/") {
                Some(meter) => Account::Consumed(Some(meter.parse()?)),
                None => return Err(IdError(format!("{text:?} is no account of the book"))),
            },
        })
    }
}

/// What an event adds to one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// Above zero: the account gets; below: it gives.
    pub amount: Credits,
}

/// The postings of an event. They sum to zero; events that move nothing have none.
#[must_use]
pub fn of(event: &WalletEvent) -> Vec<Posting> {
    let mut book = Book::default();
    match event {
        WalletEvent::CreditsGranted(e) => {
            book.post(Account::Issued(e.terms.origin), e.amount.negated());
            book.post(Account::Available, e.amount);
        }
        WalletEvent::GrantVoided(e) => {
            book.post(Account::Available, e.amount.negated());
            book.post(Account::Issued(e.origin), e.amount);
        }
        WalletEvent::CreditsExpired(e) => {
            book.post(Account::Available, e.amount.negated());
            book.post(Account::Expired, e.amount);
        }
        WalletEvent::CreditsDebited(e) => {
            book.take(&e.draws);
            book.post(Account::Consumed(e.meter.clone()), e.amount);
        }
        WalletEvent::HoldPlaced(e) => {
            book.take(&e.draws);
            book.post(Account::Held, e.amount);
        }
        WalletEvent::HoldSettled(e) => {
            book.post(Account::Held, e.from_hold.total().negated());
            book.take(&e.from_available);
            book.post(Account::Consumed(e.meter.clone()), e.amount);
            book.post(Account::Held, e.returned.total().negated());
            book.give(&e.returned);
        }
        WalletEvent::HoldReleased(e) => {
            book.post(Account::Held, e.amount.negated());
            book.give(&e.returned);
        }
        WalletEvent::HoldExpired(e) => {
            book.post(Account::Held, e.amount.negated());
            book.give(&e.returned);
        }
        WalletEvent::OverdraftRepaid(e) => {
            book.post(Account::Available, e.amount.negated());
            book.post(Account::Overdraft, e.amount);
        }
        WalletEvent::CreditsRefunded(e) => {
            book.post(Account::Refunded, e.amount.negated());
            book.give_back(&e.returns);
        }
        WalletEvent::UsageRecorded(e) => {
            book.take(&e.draws);
            book.post(Account::Consumed(Some(e.usage.meter.clone())), e.draws.total());
        }
        WalletEvent::UsageVoided(e) => {
            book.post(Account::Consumed(Some(e.meter.clone())), e.amount.negated());
            book.give_back(&e.returns);
        }
        WalletEvent::UsageRated(e) => {
            let charged = e.draws.total().minus(e.returns.total());
            let charged = charged.expect("M3: both are within the limit and one of them is zero");
            book.take(&e.draws);
            book.give_back(&e.returns);
            book.post(Account::Consumed(Some(e.meter.clone())), charged);
        }
        WalletEvent::HoldExtended(_)
        | WalletEvent::OverdraftLimitSet(_)
        | WalletEvent::WalletFrozen(_)
        | WalletEvent::WalletUnfrozen(_) => {}
    }
    book.0
}

/// Postings in the making; an account stands in it once, and not at all with zero.
#[derive(Default)]
struct Book(Vec<Posting>);

impl Book {
    fn post(&mut self, account: Account, amount: Credits) {
        if amount.is_zero() {
            return;
        }
        match self.0.iter().position(|posting| posting.account == account) {
            Some(index) => {
                let sum = self.0[index].amount.plus(amount);
                self.0[index].amount =
                    sum.expect("M3: parts of a recorded amount are within the limit");
                if self.0[index].amount.is_zero() {
                    self.0.remove(index);
                }
            }
            None => self.0.push(Posting { account, amount }),
        }
    }

    fn take(&mut self, draws: &Draws) {
        for draw in &draws.lots {
            self.post(Account::Available, draw.amount.negated());
        }
        self.post(Account::Overdraft, draws.overdraft.negated());
    }

    fn give(&mut self, draws: &Draws) {
        for draw in &draws.lots {
            self.post(Account::Available, draw.amount);
        }
        self.post(Account::Overdraft, draws.overdraft);
    }

    fn give_back(&mut self, returns: &Returns) {
        for lot in returns.lots.iter().chain(&returns.new_lot) {
            self.post(Account::Available, lot.amount);
        }
        self.post(Account::Overdraft, returns.overdraft);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_survives_its_text() {
        let meters = ["llm_tokens", "-", "--", ".", ".."];
        let metered = meters.map(|name| Account::Consumed(Some(name.parse().unwrap())));
        for account in Account::WITHOUT_METER.into_iter().chain(metered) {
            assert_eq!(account.to_string().parse(), Ok(account));
        }
    }

    #[test]
    fn a_text_of_nothing_is_no_account() {
        for text in
            ["", "Available", "issued", "issued/gift", "consumed", "consumed/", "consumed/H"]
        {
            assert!(text.parse::<Account>().is_err(), "{text}");
        }
    }
}
