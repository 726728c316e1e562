//! W10: what a line gives back, and where it goes.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::Grant;
use quipu_domain::wallet::event::{GrantKind, Origin};
use quipu_domain::{EntryId, Position, Refusal};

use crate::support::{
    Book, after, credits, debit, expiring, grant, hold, limit, refund, settle, some_grant,
};

fn refund_until(entry: u64, expires: i64) -> WalletCommand {
    WalletCommand::Refund {
        entry: EntryId(Position(entry)),
        amount: None,
        expires_at: Some(after(expires)),
        reason: None,
    }
}

#[test]
fn w10_refunds_unwind_the_recorded_draws_last_first_and_continue_where_they_stopped() {
    let mut book = Book::new();
    book.run(grant("3")).unwrap();
    book.run(grant("3")).unwrap();
    book.run(limit("2")).unwrap();
    assert_eq!(book.tell(debit("8")), ["debited 1:3 2:3 owed:2"]);
    assert_eq!(book.tell(refund(4, Some("1"))), ["refunded owed:1"]);
    assert_eq!(book.tell(refund(4, Some("3"))), ["refunded 2:2 owed:1"]);
    assert_eq!(book.tell(refund(4, Some("2"))), ["refunded 2:1 1:1"]);
    assert_eq!(book.tell(refund(4, None)), ["refunded 1:2"]);
    assert_eq!(book.balance(), "6 held 0 owed 0");
}

#[test]
fn w10_refunds_together_never_exceed_the_line() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(debit("4")).unwrap();
    book.run(refund(2, Some("3"))).unwrap();
    let refused = |needed: &str, refundable: &str| Refusal::RefundExceedsDebit {
        entry: EntryId(Position(2)),
        needed: credits(needed),
        refundable: credits(refundable),
    };
    assert_eq!(book.run(refund(2, Some("1.000001"))).unwrap_err(), refused("1.000001", "1"));
    book.run(refund(2, None)).unwrap();
    assert_eq!(book.run(refund(2, None)).unwrap_err(), refused("0", "0"));
}

#[test]
fn w10_only_lines_that_consumed_can_be_refunded() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(debit("4")).unwrap();
    book.run(refund(2, Some("1"))).unwrap();
    book.run(hold("1")).unwrap();
    book.run(settle(4, "0")).unwrap();
    assert_eq!(book.refused(refund(1, None)), "unknown_entry");
    assert_eq!(book.refused(refund(99, None)), "unknown_entry");
    assert_eq!(book.refused(refund(3, None)), "not_refundable");
    assert_eq!(book.refused(refund(5, None)), "not_refundable");
    assert_eq!(book.refused(refund(2, Some("0"))), "amount_not_positive");
}

#[test]
fn w10_a_settlement_is_refunded_like_a_debit() {
    let mut book = Book::new();
    book.run(grant("3")).unwrap();
    book.run(grant("3")).unwrap();
    book.run(hold("2")).unwrap();
    book.run(settle(3, "5")).unwrap();
    assert_eq!(book.tell(refund(4, Some("4"))), ["refunded 2:2 1:2"]);
}

#[test]
fn w10_what_returns_to_an_expired_lot_expires_at_once() {
    let mut book = Book::new();
    book.run(expiring("5", 60)).unwrap();
    book.run(debit("5")).unwrap();
    book.pass(60);
    assert_eq!(book.tell(refund(2, None)), ["refunded 1:5", "expired 1:5"]);
}

#[test]
fn w10_a_new_expiry_makes_a_new_lot_with_the_old_terms() {
    let mut book = Book::new();
    let present = Grant {
        kind: GrantKind::Promotional,
        priority: 7,
        origin: Origin::Promotion,
        expires_at: Some(after(60)),
        ..some_grant("5")
    };
    book.run(WalletCommand::Grant(present)).unwrap();
    book.run(debit("5")).unwrap();
    book.pass(60);
    assert_eq!(book.refused(refund_until(2, 60)), "expiry_not_in_future");
    assert_eq!(book.tell(refund_until(2, 120)), ["refunded new:5"]);
    let lot = book.wallet.lots().next().unwrap();
    assert_eq!((lot.grant.to_string().as_str(), lot.terms.priority), ("grant_3", 7));
    assert_eq!(lot.terms.expires_at, Some(after(120)));
    assert_eq!(lot.terms.kind, GrantKind::Promotional);
    assert_eq!(book.tell(debit("5")), ["debited 3:5"]);
    assert_eq!(book.tell(refund(4, None)), ["refunded 3:5"]);
}

#[test]
fn w10_a_new_expiry_does_not_touch_lots_that_still_live() {
    let mut book = Book::new();
    book.run(expiring("5", 60)).unwrap();
    book.run(grant("5")).unwrap();
    book.run(debit("8")).unwrap();
    book.pass(60);
    assert_eq!(book.tell(refund_until(3, 120)), ["refunded 2:3 new:5"]);
}

#[test]
fn w10_overdraft_that_was_repaid_meanwhile_comes_back_as_credits() {
    let mut book = Book::new();
    book.run(limit("5")).unwrap();
    book.run(debit("5")).unwrap();
    book.run(grant("3")).unwrap();
    assert_eq!(book.balance(), "0 held 0 owed 2");
    assert_eq!(book.tell(refund(2, None)), ["refunded owed:2 new:3"]);
    let lot = book.wallet.lots().next().unwrap();
    assert_eq!((lot.terms.kind, lot.terms.origin), (GrantKind::Paid, Origin::Adjustment));
    assert_eq!((lot.terms.priority, lot.terms.expires_at), (50, None));
}

#[test]
fn w10_one_new_lot_takes_its_terms_from_what_is_unwound_first_and_stays_promotional() {
    let mut book = Book::new();
    let present =
        Grant { kind: GrantKind::Promotional, expires_at: Some(after(60)), ..some_grant("5") };
    book.run(WalletCommand::Grant(present)).unwrap();
    book.run(limit("5")).unwrap();
    book.run(debit("8")).unwrap();
    book.run(grant("3")).unwrap();
    book.pass(60);
    assert_eq!(book.tell(refund_until(3, 120)), ["refunded new:8"]);
    let lot = book.wallet.lots().next().unwrap();
    assert_eq!((lot.terms.kind, lot.terms.origin), (GrantKind::Promotional, Origin::Adjustment));
    assert_eq!(lot.terms.expires_at, None);
}
