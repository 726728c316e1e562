//! W6-W9: what is reserved, charged, returned, and late.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::PlaceHold;
use quipu_domain::wallet::event::Overage;

use crate::support::{
    Book, debit, expiring, extend, grant, hold, hold_with, limit, release, settle, some_hold,
};

#[test]
fn w6_a_hold_lives_fifteen_minutes_unless_told_otherwise_and_at_most_a_day() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    let lasting =
        |ttl| WalletCommand::PlaceHold(PlaceHold { ttl_seconds: Some(ttl), ..some_hold("1") });
    for ttl in [0, -1, 86_401, i64::MAX, i64::MIN] {
        assert_eq!(book.refused(lasting(ttl)), "ttl_out_of_range");
    }
    book.run(lasting(86_400)).unwrap();
    book.run(hold("1")).unwrap();
    assert_eq!(book.wallet.next_due_at(), Some(book.now.plus_seconds(900)));
}

#[test]
fn w6_a_held_part_outlives_its_lot() {
    let mut book = Book::new();
    book.run(expiring("10", 60)).unwrap();
    book.run(hold("4")).unwrap();
    book.pass(120);
    assert_eq!(book.tell(settle(2, "4")), ["settled 4, held 1:4"]);
}

#[test]
fn w7_what_returns_to_an_expired_lot_expires_in_the_same_commit() {
    let mut book = Book::new();
    book.run(expiring("10", 60)).unwrap();
    book.run(hold("4")).unwrap();
    book.run(hold("2")).unwrap();
    book.run(hold("1")).unwrap();
    book.pass(120);
    assert_eq!(book.tick(), ["expired 1:3"]);
    assert_eq!(book.tell(settle(2, "3")), ["settled 3, held 1:3, back 1:1", "expired 1:1"]);
    assert_eq!(book.tell(release(3)), ["released 1:2", "expired 1:2"]);
    book.pass(900);
    assert_eq!(book.tick(), ["ran out 1:1", "expired 1:1"]);
}

#[test]
fn w7_a_hold_ends_exactly_once() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("4")).unwrap();
    book.run(settle(2, "4")).unwrap();
    for command in [settle(2, "4"), release(2), extend(2, 60)] {
        assert_eq!(book.refused(command), "hold_ended");
    }
    for command in [settle(1, "4"), release(9), extend(9, 60)] {
        assert_eq!(book.refused(command), "unknown_hold");
    }
}

#[test]
fn w8_a_smaller_settlement_charges_in_burn_order_and_returns_the_rest() {
    let mut book = Book::new();
    book.run(grant("3")).unwrap();
    book.run(grant("10")).unwrap();
    book.run(limit("5")).unwrap();
    assert_eq!(book.tell(hold("15")), ["held 1:3 2:10 owed:2"]);
    assert_eq!(book.tell(settle(4, "4")), ["settled 4, held 1:3 2:1, back 2:9 owed:2"]);
    assert_eq!(book.balance(), "9 held 0 owed 0");
}

#[test]
fn w8_settling_nothing_returns_everything() {
    let mut book = Book::new();
    book.run(grant("3")).unwrap();
    book.run(hold("2")).unwrap();
    assert_eq!(book.refused(settle(2, "-1")), "amount_not_positive");
    assert_eq!(book.tell(settle(2, "0")), ["settled 0, back 1:2"]);
}

#[test]
fn w8_overflow_draws_what_is_available_then_overdraft_beyond_its_limit() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("6")).unwrap();
    assert_eq!(book.tell(settle(2, "13")), ["settled 13, held 1:6, more 1:4 owed:3"]);
    assert_eq!(book.refused(debit("1")), "insufficient_credits");
    assert_eq!(book.tell(grant("2")), ["granted 2", "repaid 4:2"]);
    assert_eq!(book.refused(debit("1")), "insufficient_credits");
    assert_eq!(book.tell(grant("2")), ["granted 2", "repaid 6:1"]);
    assert_eq!(book.tell(debit("1")), ["debited 6:1"]);
}

#[test]
fn w8_cap_charges_what_was_held_and_records_the_shortfall() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold_with("6", Overage::Cap)).unwrap();
    assert_eq!(book.tell(settle(2, "13")), ["settled 6, held 1:6, short 7"]);
}

#[test]
fn w8_reject_refuses_and_leaves_the_hold_open() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold_with("6", Overage::Reject)).unwrap();
    assert_eq!(book.refused(settle(2, "6.000001")), "settlement_exceeds_hold");
    assert_eq!(book.tell(settle(2, "6")), ["settled 6, held 1:6"]);
}

#[test]
fn w9_a_hold_is_extended_from_now_and_never_cut_short() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("6")).unwrap();
    book.pass(300);
    assert_eq!(book.refused(extend(2, 0)), "ttl_out_of_range");
    assert_eq!(book.tell(extend(2, 900)), ["extended to 2026-11-15T12:20:00Z"]);
    assert_eq!(book.tell(extend(2, 60)), ["extended to 2026-11-15T12:20:00Z"]);
    book.pass(900);
    assert_eq!(book.refused(extend(2, 60)), "hold_expired");
}

#[test]
fn w9_a_late_settlement_is_honoured_for_five_minutes_from_what_is_available() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("6")).unwrap();
    book.run(hold("4")).unwrap();
    book.pass(1_200);
    assert_eq!(book.refused(release(2)), "hold_expired");
    let why = "hold_2 expired at 2026-11-15T12:15:00Z, which gave back what it held; it can be settled \
               until 2026-11-15T12:20:00Z";
    for command in [release(2), extend(2, 60)] {
        assert_eq!(book.run(command).unwrap_err().to_string(), why);
    }
    assert_eq!(book.tell(settle(2, "12")), ["settled 12, more 1:10 owed:2, late"]);
    assert_eq!(book.refused(settle(2, "1")), "hold_ended");
    book.now = book.now.plus_seconds(1);
    assert_eq!(book.refused(settle(3, "1")), "hold_expired");
    for command in [settle(3, "1"), release(3), extend(3, 60)] {
        let why = book.run(command).unwrap_err().to_string();
        assert_eq!(why, "hold_3 expired at 2026-11-15T12:15:00Z");
    }
}

#[test]
fn w9_late_cap_charges_at_most_what_was_held_and_what_is_there() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold_with("6", Overage::Cap)).unwrap();
    book.run(hold_with("6", Overage::Cap)).unwrap_err();
    book.run(hold_with("4", Overage::Cap)).unwrap();
    book.pass(1_000);
    assert_eq!(book.tell(settle(2, "7")), ["settled 6, more 1:6, short 1, late"]);
    book.run(debit("1")).unwrap();
    assert_eq!(book.tell(settle(3, "4")), ["settled 3, more 1:3, short 1, late"]);
}

#[test]
fn w9_late_reject_refuses_more_than_held_and_more_than_there_is() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold_with("6", Overage::Reject)).unwrap();
    book.pass(1_000);
    assert_eq!(book.refused(settle(2, "7")), "settlement_exceeds_hold");
    book.run(debit("5")).unwrap();
    assert_eq!(book.refused(settle(2, "6")), "insufficient_credits");
    assert_eq!(book.tell(settle(2, "5")), ["settled 5, more 1:5, late"]);
}

#[test]
fn w9_a_hold_that_ran_out_unrecorded_is_settled_late_all_the_same() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("6")).unwrap();
    book.pass(1_000);
    let events = book.decide(&settle(2, "6")).unwrap();
    assert_eq!(crate::support::show(&events), ["ran out 1:6", "settled 6, more 1:6, late"]);
    book.record(&events);
    assert_eq!(events[1].event.entry().unwrap().position().0, 4);
}

#[test]
fn w9_a_hold_that_ran_out_more_than_thirty_days_ago_has_ended() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("1")).unwrap();
    book.pass(31 * 86_400);
    book.run(hold("1")).unwrap();
    assert_eq!(book.refused(settle(2, "1")), "hold_expired");
    book.pass(900);
    assert_eq!(book.refused(settle(2, "1")), "hold_ended");
}
