//! What stood in a tenant's accounts, lots and holds at any moment?

use quipu_domain::postings::Account;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::{GrantId, HoldId, Position, Recorded};

use crate::balances::lot_changes;
use crate::bytes::{self, Numbers};
use crate::history::{self, Key, Names, Node, Subject, Sums};
use crate::movement::Deltas;
use crate::{Projection, ProjectionError, Rows, holds, movement};

/// What stood in a tenant's accounts, lots and holds at any moment?
#[derive(Clone, Copy, Debug)]
pub struct BookHistory;

/// Sums of what events moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Book;

/// What something is moved into or out of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BookKey {
    /// An account (M4), other than `available` and `held`: those are what all lots and all holds
    /// have together.
    Account(Account),
    /// A lot.
    Lot(GrantId),
    /// A hold: what it has reserved, until it ends.
    Hold(HoldId),
}

/// Amounts in micros, by place: of an account or a hold only the first, of a lot those that the
/// constants name.
pub type BookAmounts = [i128; 5];

/// What a tenant's own three accounts hold, in micros. M3 bounds what a wallet has at a time; what
/// counts until a moment may have been recorded at very different times, and be more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookBalance {
    /// In lots and not held.
    pub available: i128,
    /// Reserved by holds.
    pub held: i128,
    /// What is owed: zero or below, as the account has it.
    pub overdraft: i128,
}

impl BookBalance {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: BookBalance) -> BookBalance {
        BookBalance {
            available: self.available + other.available,
            held: self.held + other.held,
            overdraft: self.overdraft + other.overdraft,
        }
    }

    /// What is left without the other.
    #[must_use]
    pub const fn minus(self, other: BookBalance) -> BookBalance {
        BookBalance {
            available: self.available - other.available,
            held: self.held - other.held,
            overdraft: self.overdraft - other.overdraft,
        }
    }
}

impl From<Deltas> for BookBalance {
    fn from(deltas: Deltas) -> BookBalance {
        let [available, held, overdraft] = [deltas.available, deltas.held, deltas.overdraft]
            .map(|amount| i128::from(amount.micros()));
        BookBalance { available, held, overdraft }
    }
}

/// Of a lot: what is left and not held.
pub const REMAINING: usize = 0;
/// Of a lot: what holds have pinned.
pub const HELD: usize = 1;
/// Of a lot: what expired.
pub const EXPIRED: usize = 2;
/// Of a lot: what was taken back.
pub const VOIDED: usize = 3;
/// Of a lot: how many times its grant was voided, with or without anything left.
pub const VOIDS: usize = 4;

impl Subject for Book {
    const TABLE: &'static str = "book_history";
    type Key = BookKey;
    type Amounts = BookAmounts;
}

impl Projection for BookHistory {
    fn name(&self) -> &'static str {
        "book_history"
    }

    fn version(&self) -> u32 {
        5
    }

    fn question(&self) -> &'static str {
        "What stood in a tenant's accounts, lots and holds at any moment?"
    }

    fn rows(&self) -> Rows {
        Rows::new().with::<Node<Book>>()
    }

    fn prepare(&self, event: &Recorded, rows: &mut Rows) {
        if let Ok(Some((tenant, _))) = movement::wallet_event(event) {
            history::prepare::<Book>(tenant, event, rows);
        }
    }

    fn apply(&self, event: &Recorded, rows: &mut Rows) -> Result<(), ProjectionError> {
        let Some((tenant, wallet)) = movement::wallet_event(event)? else { return Ok(()) };
        history::record::<Book>(rows, tenant, event, &parts_of(wallet)?)
    }
}

/// What an event moves.
fn parts_of(event: &WalletEvent) -> Result<Vec<(BookKey, BookAmounts)>, ProjectionError> {
    let mut parts = Vec::with_capacity(4);
    lot_changes(event, &mut |lot, amounts| parts.push((BookKey::Lot(lot), amounts)))?;
    for posting in movement::postings_of(event)? {
        let key = match posting.account {
            Account::Available => continue,
            Account::Held => match holds::hold_of(event) {
                Some(hold) => BookKey::Hold(hold),
                None => continue,
            },
            account => BookKey::Account(account),
        };
        parts.push((key, [posting.amount.micros().into(), 0, 0, 0, 0]));
    }
    Ok(parts)
}

impl Sums<Book> {
    /// The balance of each account that has one, in micros, by name.
    #[must_use]
    pub fn accounts(&self) -> Vec<(Account, i128)> {
        let (mut available, mut held) = (0, 0);
        let mut accounts = Vec::new();
        for (key, amounts) in self.iter() {
            match key {
                BookKey::Account(account) => {
                    accounts.push((account.clone(), amounts[0]));
                }
                BookKey::Lot(_) => available += amounts[REMAINING],
                BookKey::Hold(_) => held += amounts[0],
            }
        }
        accounts.extend([(Account::Available, available), (Account::Held, held)]);
        accounts.retain(|(_, balance)| *balance != 0);
        accounts.sort();
        accounts
    }

    /// What the tenant's own accounts hold.
    #[must_use]
    pub fn balance(&self) -> BookBalance {
        let mut balance = BookBalance::default();
        for (account, micros) in self.accounts() {
            match account {
                Account::Available => balance.available = micros,
                Account::Held => balance.held = micros,
                Account::Overdraft => balance.overdraft = micros,
                _ => {}
            }
        }
        balance
    }

    /// The lots that have something left or held.
    pub fn open_lots(&self) -> impl Iterator<Item = GrantId> {
        self.iter().filter_map(|(key, amounts)| match key {
            BookKey::Lot(lot) if amounts[REMAINING] != 0 || amounts[HELD] != 0 => Some(*lot),
            _ => None,
        })
    }

    /// The holds that reserve something.
    pub fn open_holds(&self) -> impl Iterator<Item = HoldId> {
        self.iter().filter_map(|(key, amounts)| match key {
            BookKey::Hold(hold) if amounts[0] > 0 => Some(*hold),
            _ => None,
        })
    }
}

const CONSUMED: u64 = 16;

impl Key for BookKey {
    fn write(&self, names: &mut Names, bytes: &mut Vec<u8>) {
        let (code, number) = match self {
            BookKey::Lot(lot) => (0, Some(lot.position().0)),
            BookKey::Hold(hold) => (1, Some(hold.position().0)),
            BookKey::Account(account) => (account_code(account, names), None),
        };
        bytes::put(bytes, code);
        number.into_iter().for_each(|number| bytes::put(bytes, number));
    }

    fn read(names: &[&str], numbers: &mut Numbers<'_>) -> Option<BookKey> {
        let key = match numbers.next()? {
            0 => BookKey::Lot(GrantId(Position(numbers.next()?))),
            1 => BookKey::Hold(HoldId(Position(numbers.next()?))),
            code => BookKey::Account(account_of(code, names)?),
        };
        Some(key)
    }
}

/// Accounts without a meter have the codes from 2 on, in the order of [`Account::WITHOUT_METER`].
fn account_code(account: &Account, names: &mut Names) -> u64 {
    match account {
        Account::Consumed(Some(meter)) => CONSUMED + names.number(&[meter.as_str()]),
        account => {
            let place = Account::WITHOUT_METER.iter().position(|listed| listed == account);
            2 + place.expect("all accounts without a meter are listed") as u64
        }
    }
}

fn account_of(code: u64, names: &[&str]) -> Option<Account> {
    match code.checked_sub(CONSUMED) {
        Some(name) => {
            let meter = names.get(usize::try_from(name).ok()?)?.parse().ok()?;
            Some(Account::Consumed(Some(meter)))
        }
        None => Account::WITHOUT_METER.get(usize::try_from(code.checked_sub(2)?).ok()?).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use quipu_domain::wallet::event::Origin;

    use super::*;

    /// What is stored has them.
    #[test]
    fn an_account_keeps_its_code() {
        for (code, account) in (2..).zip([
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
        ]) {
            assert_eq!(account_code(&account, &mut Names::none()), code);
        }
    }

    #[test]
    fn every_account_has_a_code() {
        let meter = |name: &str| Account::Consumed(Some(name.parse().unwrap()));
        let mut names = Names::none();
        let all = Account::WITHOUT_METER.into_iter().chain([meter("llm_tokens"), meter("-")]);
        let coded: Vec<_> =
            all.map(|account| (account_code(&account, &mut names), account)).collect();
        for (code, account) in coded {
            assert_eq!(account_of(code, &["llm_tokens", "-"]), Some(account));
        }
    }
}
