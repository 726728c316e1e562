//! W7, W12: what falls due by itself.

use crate::support::{Book, debit, expiring, grant, hold, show};

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
    assert_eq!(events[1].entry().unwrap().position().0, 4, "ids are positions");
}
