//! W5: going below zero, and coming back.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::Grant;

use crate::support::{
    Book, after, debit, debit_for, grant, hold, limit, refund, release, scoped, settle, some_grant,
};

#[test]
fn w5_debits_and_holds_go_below_zero_up_to_the_limit() {
    let mut book = Book::new();
    book.run(limit("5")).unwrap();
    book.run(grant("1")).unwrap();
    assert_eq!(book.refused(debit("6.000001")), "insufficient_credits");
    assert_eq!(book.tell(debit("3")), ["debited 2:1 owed:2"]);
    assert_eq!(book.tell(hold("3")), ["held owed:3"]);
    assert_eq!(book.refused(hold("0.000001")), "insufficient_credits");
    assert_eq!(book.balance(), "0 held 3 owed 5");
}

#[test]
fn w5_a_grant_repays_what_is_owed_but_not_what_is_merely_reserved() {
    let mut book = Book::new();
    book.run(limit("5")).unwrap();
    book.run(debit("2")).unwrap();
    book.run(hold("3")).unwrap();
    assert_eq!(book.tell(grant("4")), ["granted 4", "repaid 4:2"]);
    assert_eq!(book.balance(), "2 held 3 owed 3");
    assert_eq!(book.tell(settle(3, "3")), ["settled 3, held owed:3", "repaid 4:2"]);
    assert_eq!(book.balance(), "0 held 0 owed 1");
}

#[test]
fn w5_a_lot_with_a_scope_repays_nothing() {
    let mut book = Book::new();
    book.run(limit("5")).unwrap();
    book.run(debit("2")).unwrap();
    assert_eq!(book.tell(scoped("9", "calls")), ["granted 9"]);
    assert_eq!(book.balance(), "9 held 0 owed 2");
    assert_eq!(book.tell(debit_for("12", "calls")), ["debited 3:9 owed:3"]);
}

#[test]
fn w5_what_is_owed_beyond_the_limit_counts_against_new_work() {
    let mut book = Book::new();
    book.run(limit("5")).unwrap();
    book.run(debit("5")).unwrap();
    book.run(scoped("9", "calls")).unwrap();
    book.run(limit("1")).unwrap();
    assert_eq!(book.refused(debit_for("5.000001", "calls")), "insufficient_credits");
    assert_eq!(book.tell(debit_for("5", "calls")), ["debited 3:5"]);
}

#[test]
fn w4_a_refusal_says_what_can_be_spent_where_something_is_owed() {
    let mut book = Book::new();
    book.run(grant("1")).unwrap();
    book.run(hold("1")).unwrap();
    assert_eq!(said(&book, "1"), "1 needed, 0 available");
    book.run(settle(2, "100")).unwrap();
    book.run(scoped("50", "calls")).unwrap();
    assert_eq!(said(&book, "10"), "10 needed, 0 can be spent: 50 available, 99 owed, limit 0");
    book.run(limit("60")).unwrap();
    assert_eq!(said(&book, "12"), "12 needed, 11 can be spent: 50 available, 99 owed, limit 60");
    book.run(limit("99")).unwrap();
    assert_eq!(said(&book, "51"), "51 needed, 50 available", "what is owed is within the limit");
}

/// How a debit of so much for calls is refused.
fn said(book: &Book, amount: &str) -> String {
    book.decide(&debit_for(amount, "calls")).unwrap_err().to_string()
}

#[test]
fn w5_what_a_hold_returns_repays() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("6")).unwrap();
    book.run(hold("4")).unwrap();
    book.run(settle(2, "8")).unwrap();
    assert_eq!(book.balance(), "0 held 4 owed 2");
    assert_eq!(book.tell(release(3)), ["released 1:4", "repaid 1:2"]);
}

#[test]
fn w5_what_a_hold_that_ran_out_returns_repays() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("6")).unwrap();
    book.run(hold("4")).unwrap();
    book.run(settle(2, "8")).unwrap();
    book.pass(900);
    assert_eq!(book.tick(), ["ran out 1:4", "repaid 1:2"]);
}

#[test]
fn w5_a_refund_repays() {
    let mut book = Book::new();
    book.run(grant("3")).unwrap();
    book.run(debit("3")).unwrap();
    book.run(limit("5")).unwrap();
    book.run(debit("2")).unwrap();
    assert_eq!(book.tell(refund(2, None)), ["refunded 1:3", "repaid 1:2"]);
}

#[test]
fn w5_a_lot_whose_time_comes_repays() {
    let mut book = Book::new();
    book.run(limit("5")).unwrap();
    book.run(debit("2")).unwrap();
    let later = Grant { effective_at: Some(after(60)), ..some_grant("9") };
    assert_eq!(book.tell(WalletCommand::Grant(later)), ["granted 9"]);
    assert_eq!(book.wallet.next_due_at(), Some(after(60)));
    book.pass(60);
    assert_eq!(book.tick(), ["repaid 3:2"]);
    assert_eq!(book.balance(), "7 held 0 owed 0");
}

#[test]
fn w5_a_limit_is_never_below_zero() {
    assert_eq!(Book::new().refused(limit("-1")), "amount_not_positive");
}
