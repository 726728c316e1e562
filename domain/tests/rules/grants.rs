//! W1, W11, W12: credits come in, expire, and are taken back.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::Grant;

use crate::support::{
    Book, after, credits, debit, expiring, grant, hold, refund, release, settle, some_grant, void,
};

#[test]
fn w1_a_grants_own_numbers_are_checked() {
    let mut book = Book::new();
    assert_eq!(book.refused(grant("0")), "amount_not_positive");
    assert_eq!(book.refused(grant("-1")), "amount_not_positive");
    let with = |change: fn(&mut Grant)| {
        let mut grant = some_grant("1");
        change(&mut grant);
        WalletCommand::Grant(grant)
    };
    assert_eq!(book.refused(with(|g| g.priority = 101)), "priority_out_of_range");
    assert_eq!(book.refused(with(|g| g.expires_at = Some(after(0)))), "expiry_not_in_future");
    let ends_before_it_begins = with(|g| {
        g.effective_at = Some(after(60));
        g.expires_at = Some(after(60));
    });
    assert_eq!(book.refused(ends_before_it_begins), "expiry_not_in_future");
    let too_old = with(|g| g.effective_at = Some(after(-31 * 86_400)));
    assert_eq!(book.refused(too_old), "too_far_back");
    let negative = with(|g| g.unit_cost = Some("-1".parse().unwrap()));
    assert_eq!(book.refused(negative), "invalid_price");
    assert!(book.events.is_empty(), "J4: a refusal leaves no event");
}

#[test]
fn m3_a_wallet_never_holds_more_than_the_limit() {
    let mut book = Book::new();
    book.run(grant("999999999999.999999")).unwrap();
    assert_eq!(book.tell(grant("0.000001")), ["granted 0.000001"]);
    assert_eq!(book.refused(grant("0.000001")), "amount_out_of_range");
    book.run(hold("1000000000000")).unwrap();
    assert_eq!(book.refused(grant("0.000001")), "amount_out_of_range");
}

#[test]
fn w11_a_void_takes_the_unused_remainder_once() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(debit("4")).unwrap();
    assert_eq!(book.tell(void(1)), ["voided 1:6"]);
    assert_eq!(book.refused(void(1)), "nothing_to_void");
    assert_eq!(book.refused(void(2)), "unknown_grant");
    assert_eq!(book.refused(void(99)), "unknown_grant");
}

#[test]
fn w11_a_grant_that_was_used_up_has_nothing_to_void() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(debit("10")).unwrap();
    assert_eq!(book.refused(void(1)), "nothing_to_void");
}

#[test]
fn w11_what_is_held_is_voided_when_it_returns() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("6")).unwrap();
    book.run(hold("4")).unwrap();
    assert_eq!(book.tell(void(1)), ["voided 1:0"]);
    assert_eq!(book.refused(void(1)), "nothing_to_void");
    assert_eq!(book.tell(settle(2, "5")), ["settled 5, held 1:5, back 1:1", "voided 1:1"]);
    assert_eq!(book.tell(release(3)), ["released 1:4", "voided 1:4"]);
    assert_eq!(book.wallet.lots().count(), 0);
}

#[test]
fn w11_what_is_refunded_to_a_voided_grant_is_voided() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(debit("4")).unwrap();
    book.run(void(1)).unwrap();
    assert_eq!(book.tell(refund(2, None)), ["refunded 1:4", "voided 1:4"]);
    assert_eq!(book.balance(), "0 held 0 owed 0");
}

#[test]
fn w12_a_lot_expires_once_and_only_what_is_free_of_it() {
    let mut book = Book::new();
    book.run(expiring("10", 60)).unwrap();
    book.run(hold("4")).unwrap();
    book.pass(60);
    assert_eq!(book.tick(), ["expired 1:6"]);
    assert_eq!(book.tick(), [""; 0]);
    assert_eq!(book.balance(), "0 held 4 owed 0");
    assert_eq!(credits("4"), book.wallet.lots().next().unwrap().held);
}
