//! J5: a wallet's state is bounded by what is open, not by its history.

use quipu_domain::Refusal;
use quipu_domain::meter::{Aggregation, Price, UnpricedPolicy};
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::PlaceHold;
use serde_json::Value;

use crate::rerating::volume;
use crate::support::{
    Book, after, debit, grant, hold, rate_usage, refund, release, settle, some_hold, some_usage,
    text, void, void_usage,
};

fn state(book: &Book) -> Value {
    serde_json::to_value(&book.wallet).unwrap()
}

fn remembered(book: &Book) -> usize {
    state(book)["holds"]["expired"].as_array().unwrap().len()
}

/// Holds 2 to 1,201, which run out together.
fn many_holds() -> Book {
    let mut book = Book::new();
    book.run(grant("2000")).unwrap();
    for _ in 0..1_200 {
        book.run(hold("1")).unwrap();
    }
    book.pass(900);
    book.tick();
    book
}

#[test]
fn w9_no_hold_is_forgotten_within_its_grace() {
    let mut book = many_holds();
    book.pass(300);
    for hold in 2..=1_201 {
        book.run(settle(hold, "1")).unwrap();
    }
    assert_eq!(remembered(&book), 0);
}

#[test]
fn w9_after_their_grace_at_most_a_thousand_holds_that_ran_out_are_remembered() {
    let mut book = many_holds();
    let mut one_more_runs_out = |seconds: i64| {
        let ttl_seconds = Some(seconds);
        book.run(WalletCommand::PlaceHold(PlaceHold { ttl_seconds, ..some_hold("1") })).unwrap();
        book.pass(seconds);
        book.tick();
        remembered(&book)
    };
    assert_eq!(one_more_runs_out(300), 1_201);
    assert_eq!(one_more_runs_out(1), 1_000);
    assert_eq!(book.refused(settle(203, "1")), "hold_ended");
    assert_eq!(book.refused(settle(204, "1")), "hold_expired");
}

/// So many further grants, each of them void.
fn void_others(book: &mut Book, count: usize) {
    for _ in 0..count {
        book.run(grant("1")).unwrap();
        let other = book.events.len() as u64;
        book.run(void(other)).unwrap();
    }
}

#[test]
fn w11_a_voided_grant_is_not_forgotten_while_anything_of_it_is_held() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("4")).unwrap();
    book.run(void(1)).unwrap();
    void_others(&mut book, 1_001);
    assert_eq!(book.refused(void(1)), "nothing_to_void");
    assert_eq!(book.tell(release(2)), ["released 1:4", "voided 1:4"]);
}

#[test]
fn w11_of_voided_grants_the_one_voided_longest_ago_is_forgotten() {
    let mut book = Book::new();
    for _ in 0..2 {
        book.run(grant("10")).unwrap();
    }
    for _ in 0..2 {
        book.run(debit("10")).unwrap();
    }
    for entry in [3, 4] {
        book.run(refund(entry, Some("4"))).unwrap();
    }
    book.run(void(2)).unwrap();
    void_others(&mut book, 999);
    book.run(void(1)).unwrap();
    assert_eq!(state(&book)["funds"]["voided"].as_object().unwrap().len(), 1_000);
    assert_eq!(book.tell(refund(3, Some("1"))), ["refunded 1:1", "voided 1:1"]);
    assert_eq!(book.tell(refund(4, Some("1"))), ["refunded 2:1"]);
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
fn u2_a_period_whose_running_total_is_gone_takes_no_more_usage() {
    let mut book = Book::new();
    book.meter("m", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
    let in_month = |month: i64| {
        let mut usage = some_usage("m", "1");
        usage.occurred_at = after(31 * 86_400 * month);
        WalletCommand::RecordUsage(usage)
    };
    book.run(grant("1000")).unwrap();
    book.pass(31 * 86_400 * 24);
    book.backdating_seconds = 3_660 * 86_400;
    assert_eq!(book.tell(in_month(0)), ["used, unpriced"]);
    let price = Price::Package { size: text("1000"), package_price: text("7") };
    book.price("m", after(0), price);
    (0..24).for_each(|month| drop(book.run(in_month(month)).unwrap()));
    assert_eq!(book.tell(in_month(0)), ["used 0 nothing"], "twenty-four are kept");
    book.run(in_month(24)).unwrap();
    let at = after(0);
    let earliest = text("2026-11-30T23:00:00Z");
    let refusal = Refusal::TooFarBack { at, earliest };
    assert_eq!(book.run(in_month(0)), Err(refusal.clone()), "a package would be paid again");
    assert_eq!(book.run(rate_usage(2)), Err(refusal.clone()));
    assert_eq!(book.run(rate_usage(3)), Err(refusal.clone()), "what was carried is given up");
    book.price("m", after(0), Price::Flat { unit_price: text("1") });
    assert_eq!(book.run(rate_usage(3)), Err(refusal), "it would leave the total");
    assert_eq!(book.tell(in_month(0)), ["used 1 1:1"], "this needs no total");
}

/// A meter by volume with these quantities used in one month, `entry_2` and on, and one unit in
/// each of the next 24, for which the first one is given up.
fn long_ago(quantities: &[&str]) -> Book {
    let mut book = Book::new();
    book.meter("m", Aggregation::Sum, UnpricedPolicy::Refuse);
    book.price("m", after(0), volume(20, 10));
    book.run(grant("1000")).unwrap();
    book.pass(31 * 86_400 * 24);
    book.backdating_seconds = 3_660 * 86_400;
    let mut in_month = |month: i64, quantity: &str| {
        let mut usage = some_usage("m", quantity);
        usage.occurred_at = after(31 * 86_400 * month);
        book.run(WalletCommand::RecordUsage(usage)).unwrap();
    };
    quantities.iter().for_each(|quantity| in_month(0, quantity));
    (1..=24).for_each(|month| in_month(month, "1"));
    book
}

#[test]
fn u4_a_record_of_a_total_that_is_given_up_is_not_rated_again() {
    let mut book = long_ago(&["10", "5", "5"]);
    assert_eq!(book.tell(rate_usage(5)), ["rated 2 after 2: nothing back nothing"], "it is kept");
    book.price("m", after(0), volume(40, 20));
    for record in 2..=4 {
        assert_eq!(book.refused(rate_usage(record)), "too_far_back", "entry_{record}");
    }
    assert_eq!(book.tell(rate_usage(5)), ["rated 4 after 2: 1:2 back nothing"]);
}

#[test]
fn u4_a_void_does_not_carry_back_into_a_total_that_is_given_up() {
    let mut book = long_ago(&["10", "1", "12"]);
    assert_eq!(book.refused(void_usage(4)), "too_far_back", "9 were carried to it");
    assert_eq!(book.tell(refund(4, None)), ["refunded 1:3"], "what it cost can be returned");
    assert_eq!(book.tell(void_usage(2)), ["usage voided 1:20"]);
}

#[test]
fn u4_a_record_by_itself_is_rated_again_by_itself_however_old_it_is() {
    let flat = |unit_price: &str| Price::Flat { unit_price: text(unit_price) };
    let mut book = long_ago(&[]);
    let mut old = some_usage("m", "3");
    old.occurred_at = after(31 * 86_400);
    book.price("m", after(0), flat("1"));
    assert_eq!(book.tell(WalletCommand::RecordUsage(old)), ["used 3 1:3"], "beside the total");
    let (record, mut new) = (book.events.len() as u64, some_usage("m", "1"));
    book.pass(31 * 86_400);
    new.occurred_at = book.now;
    book.price("m", book.now, volume(20, 10));
    book.run(WalletCommand::RecordUsage(new)).unwrap();
    book.price("m", after(0), flat("2"));
    assert_eq!(book.tell(rate_usage(record)), ["rated 6 after 3: 1:3 back nothing"]);
    book.price("m", after(0), volume(20, 10));
    assert_eq!(book.refused(rate_usage(record)), "too_far_back");
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
