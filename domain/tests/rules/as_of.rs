//! M5: the books as of a moment are books that there were.

use std::collections::BTreeMap;

use quipu_domain::meter::Price;
use quipu_domain::wallet::command::Grant;
use quipu_domain::wallet::event::{Draws, Returns};
use quipu_domain::wallet::{WalletCommand, WalletEvent};
use quipu_domain::{Credits, GrantId, Timestamp};

use crate::support::{
    Book, after, debit, expiring, grant, hold, refund, release, some_grant, some_usage, text, void,
    void_usage,
};

/// What lots have, free and held, and what is owed of it reserved, in micro-units.
#[derive(Debug, Default)]
struct Balances {
    lots: BTreeMap<GrantId, [i64; 2]>,
    owed: i64,
    reserved: i64,
}

impl Balances {
    fn add(&mut self, event: &WalletEvent) {
        match event {
            WalletEvent::CreditsGranted(e) => self.give(e.grant, e.amount),
            WalletEvent::GrantVoided(e) => self.give(e.grant, e.amount.negated()),
            WalletEvent::CreditsExpired(e) => self.give(e.grant, e.amount.negated()),
            WalletEvent::CreditsDebited(e) => self.take(&e.draws),
            WalletEvent::UsageRecorded(e) => self.take(&e.draws),
            WalletEvent::HoldPlaced(e) => self.hold(&e.draws, 1),
            WalletEvent::HoldReleased(e) => self.hold(&e.returned, -1),
            WalletEvent::HoldExpired(e) => self.hold(&e.returned, -1),
            WalletEvent::HoldSettled(e) => {
                self.hold(&e.returned, -1);
                self.hold(&e.from_hold, -1);
                self.take(&e.from_hold);
                self.take(&e.from_available);
            }
            WalletEvent::OverdraftRepaid(e) => {
                e.lots.iter().for_each(|draw| self.give(draw.grant, draw.amount.negated()));
                self.owed -= e.amount.micros();
            }
            WalletEvent::CreditsRefunded(e) => self.give_back(&e.returns),
            WalletEvent::UsageVoided(e) => self.give_back(&e.returns),
            WalletEvent::UsageRated(e) => {
                self.take(&e.draws);
                self.give_back(&e.returns);
            }
            WalletEvent::HoldExtended(_)
            | WalletEvent::OverdraftLimitSet(_)
            | WalletEvent::WalletFrozen(_)
            | WalletEvent::WalletUnfrozen(_) => {}
        }
    }

    fn give(&mut self, grant: GrantId, amount: Credits) {
        self.lots.entry(grant).or_default()[0] += amount.micros();
    }

    fn take(&mut self, draws: &Draws) {
        draws.lots.iter().for_each(|draw| self.give(draw.grant, draw.amount.negated()));
        self.owed += draws.overdraft.micros();
    }

    fn hold(&mut self, draws: &Draws, times: i64) {
        for draw in &draws.lots {
            let [free, held] = self.lots.entry(draw.grant).or_default();
            *free -= times * draw.amount.micros();
            *held += times * draw.amount.micros();
        }
        self.owed += times * draws.overdraft.micros();
        self.reserved += times * draws.overdraft.micros();
    }

    fn give_back(&mut self, returns: &Returns) {
        let lots = returns.lots.iter().chain(&returns.new_lot);
        lots.for_each(|lot| self.give(lot.grant, lot.amount));
        self.owed -= returns.overdraft.micros();
    }
}

/// No moment has ever seen less than nothing. What was dated back is taken as recorded: it may
/// stand before the grant that paid for it (W3).
pub(crate) fn check(book: &Book) {
    let counts_at = |index: usize| match book.events[index] {
        WalletEvent::CreditsDebited(_) | WalletEvent::UsageRecorded(_) => {
            book.dates[index].max(book.recorded_at[index])
        }
        _ => book.dates[index],
    };
    let mut order: Vec<usize> = (0..book.events.len()).collect();
    order.sort_by_key(|index| counts_at(*index));
    let mut balances = Balances::default();
    for moment in order.chunk_by(|a, b| counts_at(*a) == counts_at(*b)) {
        moment.iter().for_each(|index| balances.add(&book.events[*index]));
        let lots = balances.lots.values().flatten();
        let least = lots.copied().chain([balances.owed - balances.reserved, balances.reserved]);
        assert!(least.min() >= Some(0), "as of {}: {balances:?}", counts_at(moment[0]));
    }
}

/// What lots have so many seconds after noon, free and held.
fn as_of(book: &Book, seconds: i64) -> String {
    let mut balances = Balances::default();
    let counts = |at: &Timestamp| *at <= after(seconds);
    let counting = book.events.iter().zip(&book.dates).filter(|(_, at)| counts(at));
    counting.for_each(|(event, _)| balances.add(event));
    let credits = |micros| Credits::from_micros(micros).unwrap();
    let lots = balances.lots.iter().map(|(grant, [free, held])| {
        format!("{}:{} held {}", grant.position(), credits(*free), credits(*held))
    });
    lots.collect::<Vec<_>>().join(", ")
}

#[test]
fn w7_what_is_released_to_an_expired_lot_expires_no_earlier() {
    let mut book = Book::new();
    book.run(expiring("10", 60)).unwrap();
    book.run(hold("10")).unwrap();
    book.pass(120);
    assert_eq!(book.tell(release(2)), ["released 1:10", "expired 1:10"]);
    assert_eq!(as_of(&book, 60), "1:0 held 10");
    assert_eq!(as_of(&book, 119), "1:0 held 10");
    assert_eq!(as_of(&book, 120), "1:0 held 0");
}

#[test]
fn w10_what_is_refunded_to_an_expired_lot_expires_no_earlier() {
    let mut book = Book::new();
    book.run(expiring("10", 60)).unwrap();
    book.run(debit("10")).unwrap();
    book.pass(120);
    assert_eq!(book.tell(refund(2, None)), ["refunded 1:10", "expired 1:10"]);
    assert_eq!(as_of(&book, 60), "1:0 held 0");
    assert_eq!(as_of(&book, 120), "1:0 held 0");
}

#[test]
fn w11_a_grant_dated_ahead_is_not_taken_back_before_it_counts() {
    let mut book = Book::new();
    book.run(grant("100")).unwrap();
    let ahead = Grant { effective_at: Some(after(3_600)), ..some_grant("50") };
    book.run(WalletCommand::Grant(ahead)).unwrap();
    book.run(void(2)).unwrap();
    assert_eq!(as_of(&book, 0), "1:100 held 0");
    assert_eq!(as_of(&book, 3_600), "1:100 held 0, 2:0 held 0");
}

#[test]
fn u1_usage_dated_ahead_counts_from_when_it_is_recorded() {
    let mut book = Book::new();
    book.price("calls", after(0), Price::Flat { unit_price: text("1") });
    book.run(grant("100")).unwrap();
    let mut ahead = some_usage("calls", "10");
    ahead.occurred_at = after(290);
    book.run(WalletCommand::RecordUsage(ahead)).unwrap();
    assert_eq!(as_of(&book, 0), "1:90 held 0");
    book.pass(10);
    book.run(void_usage(2)).unwrap();
    assert_eq!(as_of(&book, 9), "1:90 held 0");
    assert_eq!(as_of(&book, 10), "1:100 held 0");
}
