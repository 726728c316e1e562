//! W7, W12: what falls due by itself.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::{Grant, PlaceHold};

use crate::support::{
    Book, after, debit, expiring, grant, hold, limit, scoped, settle, show, some_grant, some_hold,
};

#[test]
fn w12_what_is_due_comes_in_time_order_holds_before_lots() {
    let mut book = Book::new();
    book.run(expiring("5", 900)).unwrap();
    book.run(expiring("7", 400)).unwrap();
    book.run(grant("9")).unwrap();
    book.run(hold("1")).unwrap();
    book.run(hold("8")).unwrap();
    book.pass(2_000);
    assert_eq!(
        book.tick(),
        ["ran out 2:1", "expired 2:1", "ran out 2:6 1:2", "expired 2:6", "expired 1:5"]
    );
    assert_eq!(book.balance(), "9 held 0 owed 0");
}

#[test]
fn w12_nothing_is_due_before_its_time_or_twice() {
    let mut book = Book::new();
    book.run(expiring("5", 60)).unwrap();
    book.pass(59);
    assert_eq!(show(&book.wallet.due(&book.moment())), [""; 0]);
    book.pass(1);
    let first = book.wallet.due(&book.moment());
    assert_eq!(first, book.wallet.due(&book.moment()), "a pure function of state and moment");
    book.record(&first);
    assert_eq!(book.wallet.next_due_at(), None);
}

#[test]
fn w12_a_lot_that_was_used_up_does_not_expire() {
    let mut book = Book::new();
    book.run(expiring("5", 60)).unwrap();
    book.run(debit("5")).unwrap();
    assert_eq!(book.wallet.next_due_at(), None);
}

#[test]
fn w3_a_command_that_comes_before_the_scheduler_records_what_is_due_first() {
    let mut book = Book::new();
    book.run(expiring("5", 60)).unwrap();
    book.run(grant("5")).unwrap();
    book.pass(60);
    let events = book.decide(&debit("3")).unwrap();
    assert_eq!(show(&events), ["expired 1:5", "debited 2:3"]);
    assert_eq!(events[1].event.entry().unwrap().position().0, 4, "ids are positions");
}

/// What is recorded when `seconds` have passed since noon, with when it counts. It is the same
/// whether the scheduler comes each second or once in the end.
fn due_after(seconds: i64, book: impl Fn() -> Book) -> Vec<String> {
    let [mut on_time, mut late] = [book(), book()];
    let begin = late.events.len();
    while on_time.now < after(seconds) {
        on_time.pass(1);
        on_time.tick();
    }
    late.now = after(seconds);
    let told = late.tick();
    assert_eq!((&late.events, &late.dates), (&on_time.events, &on_time.dates));
    let dates = late.dates[begin..].iter().map(|at| (at.micros() - after(0).micros()) / 1_000_000);
    told.iter().zip(dates).map(|(told, at)| format!("{at}: {told}")).collect()
}

#[test]
fn w5_a_lot_that_came_and_went_while_nobody_looked_has_repaid() {
    let book = || {
        let mut book = Book::new();
        book.run(limit("10")).unwrap();
        book.run(debit("10")).unwrap();
        let brief =
            Grant { effective_at: Some(after(3)), expires_at: Some(after(6)), ..some_grant("12") };
        book.run(WalletCommand::Grant(brief)).unwrap();
        book
    };
    assert_eq!(due_after(9, book), ["3: repaid 3:10", "6: expired 3:2"]);
}

#[test]
fn w12_what_a_hold_returns_expires_once_and_when_its_lot_does() {
    let book = || {
        let mut book = Book::new();
        book.run(expiring("10", 40)).unwrap();
        for (amount, seconds) in [("4", 10), ("5", 20)] {
            let hold = PlaceHold { ttl_seconds: Some(seconds), ..some_hold(amount) };
            book.run(WalletCommand::PlaceHold(hold)).unwrap();
        }
        book
    };
    assert_eq!(due_after(60, book), ["10: ran out 1:4", "20: ran out 1:5", "40: expired 1:10"]);
}

#[test]
fn w5_what_a_hold_returns_repays_before_its_lot_expires() {
    let book = || {
        let mut book = Book::new();
        book.run(expiring("10", 1_000)).unwrap();
        book.run(hold("4")).unwrap();
        book.run(hold("6")).unwrap();
        book.run(settle(3, "9")).unwrap();
        book.run(scoped("1", "calls")).unwrap();
        book
    };
    assert_eq!(
        due_after(2_000, book),
        ["900: ran out 1:4", "900: repaid 1:3", "1000: expired 1:1"]
    );
}
