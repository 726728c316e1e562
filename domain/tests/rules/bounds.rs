//! J5: a wallet's state is bounded by what is open, not by its history.

use quipu_domain::meter::{Aggregation, Price, UnpricedPolicy};
use quipu_domain::wallet::WalletCommand;
use serde_json::Value;

use crate::support::{
    Book, after, debit, grant, hold, rate_usage, refund, settle, some_usage, text,
};

fn state(book: &Book) -> Value {
    serde_json::to_value(&book.wallet).unwrap()
}

#[test]
fn w9_at_most_a_thousand_holds_that_ran_out_are_remembered() {
    let mut book = Book::new();
    book.run(grant("2000")).unwrap();
    for _ in 0..1_050 {
        book.run(hold("1")).unwrap();
    }
    book.pass(900);
    book.tick();
    assert_eq!(state(&book)["holds"]["expired"].as_array().unwrap().len(), 1_000);
    assert_eq!(book.refused(settle(2, "1")), "hold_ended");
    book.run(settle(1_051, "1")).unwrap();
}

#[test]
fn u2_running_totals_of_the_latest_twenty_four_periods_are_kept() {
    let mut book = Book::new();
    book.meter("m", Aggregation::Max, UnpricedPolicy::Refuse);
    book.price("m", after(0), Price::Flat { unit_price: text("1") });
    book.run(grant("100")).unwrap();
    for _ in 0..30 {
        let mut usage = some_usage("m", "1");
        usage.occurred_at = book.now;
        book.run(WalletCommand::RecordUsage(usage)).unwrap();
        book.pass(31 * 86_400);
    }
    assert_eq!(state(&book)["tallies"]["m"].as_object().unwrap().len(), 24);
}

#[test]
fn u2_a_unique_count_refuses_more_values_than_it_can_remember() {
    let mut book = Book::new();
    book.meter("m", Aggregation::UniqueCount, UnpricedPolicy::Refuse);
    book.price("m", after(0), Price::Flat { unit_price: text("0") });
    let seen = |value: u32| {
        let mut usage = some_usage("m", "1");
        usage.value = Some(text(&value.to_string()));
        WalletCommand::RecordUsage(usage)
    };
    for value in 0..10_000 {
        book.run(seen(value)).unwrap();
    }
    assert_eq!(book.refused(seen(10_000)), "invalid_usage");
    book.run(seen(9_999)).unwrap();
}

#[test]
fn j5_debits_and_settlements_leave_nothing_behind() {
    let mut book = Book::new();
    book.run(grant("100")).unwrap();
    let before = state(&book);
    for _ in 0..10 {
        book.run(debit("1")).unwrap();
        book.run(hold("1")).unwrap();
        let held = book.events.len() as u64;
        book.run(settle(held, "1")).unwrap();
    }
    book.run(grant("20")).unwrap();
    let mut after = state(&book);
    assert_eq!(after["funds"]["lots"].as_array().unwrap().len(), 2);
    after["funds"]["lots"] = before["funds"]["lots"].clone();
    assert_eq!(after, before);
}

#[test]
fn u4_rating_to_and_fro_leaves_no_pile_of_pieces() {
    let mut book = Book::new();
    book.meter("m", Aggregation::Sum, UnpricedPolicy::Refuse);
    book.run(grant("100")).unwrap();
    let price = |book: &mut Book, unit_price: &str| {
        book.price("m", after(0), Price::Flat { unit_price: text(unit_price) });
    };
    price(&mut book, "1");
    book.run(WalletCommand::RecordUsage(some_usage("m", "1"))).unwrap();
    for _ in 0..10 {
        price(&mut book, "2");
        book.run(rate_usage(2)).unwrap();
        price(&mut book, "1");
        book.run(rate_usage(2)).unwrap();
    }
    assert_eq!(state(&book)["lines"]["entry_2"].get("added"), None);
    assert_eq!(book.tell(refund(2, None)), ["refunded 1:1"]);
}
