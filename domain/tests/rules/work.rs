//! W4, W13, M5: new work, and when there is none.

use quipu_domain::Refusal;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::{Debit, Grant, PlaceHold};
use quipu_domain::wallet::event::Attribution;

use crate::support::{
    Book, after, credits, debit, debit_for, extend, freeze, grant, hold, refund, release, settle,
    some_debit, some_grant, some_hold, suspended_tenant, text, usage, void,
};

#[test]
fn w4_a_debit_beyond_what_is_available_is_refused_with_the_numbers() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold("4")).unwrap();
    let later = |at| Grant { effective_at: Some(after(at)), ..some_grant("5") };
    book.run(WalletCommand::Grant(later(90))).unwrap();
    book.run(WalletCommand::Grant(later(60))).unwrap();
    assert_eq!(
        book.run(debit("6.000001")).unwrap_err(),
        Refusal::InsufficientCredits {
            needed: credits("6.000001"),
            spendable: credits("6"),
            available: credits("6"),
            held: credits("4"),
            overdraft: credits("0"),
            overdraft_limit: credits("0"),
            next_grant_at: Some(after(60)),
        }
    );
    assert_eq!(book.tell(debit("6")), ["debited 1:6"]);
}

#[test]
fn w4_a_thousand_debits_of_one_on_fifty_let_exactly_fifty_through() {
    let mut book = Book::new();
    book.run(grant("50")).unwrap();
    let through = (0..1_000).filter(|_| book.run(debit("1")).is_ok()).count();
    assert_eq!((through, book.balance()), (50, "0 held 0 owed 0".into()));
}

#[test]
fn w6_twenty_holds_of_seventy_five_on_five_hundred_let_exactly_six_through() {
    let mut book = Book::new();
    book.run(grant("500")).unwrap();
    let through = (0..20).filter(|_| book.run(hold("75")).is_ok()).count();
    assert_eq!((through, book.balance()), (6, "50 held 450 owed 0".into()));
}

#[test]
fn m5_a_debit_may_be_dated_back_within_the_window_and_never_ahead() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    let dated =
        |at| WalletCommand::Debit(Debit { effective_at: Some(after(at)), ..some_debit("1") });
    assert_eq!(book.refused(dated(-30 * 86_400 - 1)), "too_far_back");
    assert_eq!(book.refused(dated(1)), "in_the_future");
    let events = book.run(dated(-30 * 86_400)).unwrap();
    assert_eq!(events[0].effective_at, after(-30 * 86_400));
}

#[test]
fn w13_a_frozen_wallet_takes_no_new_work_and_lets_all_else_through() {
    let mut book = Book::new();
    book.price("calls", after(0), flat("1"));
    book.run(grant("10")).unwrap();
    book.run(hold("1")).unwrap();
    book.run(hold("1")).unwrap();
    book.run(debit("1")).unwrap();
    book.run(freeze()).unwrap();
    for command in [debit("1"), hold("1"), usage("calls", "1")] {
        assert_eq!(book.refused(command), "wallet_frozen");
    }
    assert_eq!(book.refused(freeze()), "wallet_already_frozen");
    for command in
        [grant("1"), settle(2, "1"), extend(3, 900), release(3), refund(4, None), void(1)]
    {
        book.run(command).unwrap();
    }
    let unfreeze = || WalletCommand::Unfreeze { reason: text("all is well") };
    book.run(unfreeze()).unwrap();
    assert_eq!(book.refused(unfreeze()), "wallet_not_frozen");
    book.run(debit("1")).unwrap();
}

fn flat(unit_price: &str) -> quipu_domain::meter::Price {
    quipu_domain::meter::Price::Flat { unit_price: text(unit_price) }
}

#[test]
fn w6_a_suspended_tenant_takes_no_new_work_and_can_settle_what_it_holds() {
    let mut book = Book::new();
    book.price("calls", after(0), flat("1"));
    book.run(grant("10")).unwrap();
    book.run(hold("5")).unwrap();
    book.tenant = suspended_tenant();
    for command in [debit("1"), hold("1"), usage("calls", "1")] {
        assert_eq!(book.refused(command), "tenant_suspended");
    }
    book.run(settle(2, "3")).unwrap();
    book.run(grant("1")).unwrap();
}

#[test]
fn a_retired_agent_does_no_new_work_and_an_unregistered_one_is_only_a_label() {
    let mut book = Book::new();
    book.register("robot", false);
    book.register("old", true);
    book.run(grant("10")).unwrap();
    let by = |agent: &str| {
        let attribution = Attribution { agent: Some(text(agent)), ..Attribution::default() };
        WalletCommand::Debit(Debit { attribution, ..some_debit("1") })
    };
    book.run(by("robot")).unwrap();
    book.run(by("nobody knows me")).unwrap();
    assert_eq!(book.refused(by("old")), "agent_retired");
}

#[test]
fn u1_usage_needs_a_defined_meter_because_it_needs_a_price_and_other_work_does_not() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(debit_for("1", "nothing")).unwrap();
    let hold = PlaceHold { meter: Some(text("nothing")), ..some_hold("1") };
    book.run(WalletCommand::PlaceHold(hold)).unwrap();
    assert_eq!(book.refused(usage("nothing", "1")), "unknown_meter");
}
