//! W2, W3: which lots pay, and in which order.

use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::Grant;
use quipu_domain::wallet::event::GrantKind;

use crate::support::{Book, after, debit, debit_for, expiring, grant, scoped, some_grant};

fn lot(change: impl FnOnce(&mut Grant)) -> WalletCommand {
    let mut grant = some_grant("1");
    change(&mut grant);
    WalletCommand::Grant(grant)
}

#[test]
fn w2_lots_burn_by_priority_expiry_kind_effective_time_and_position() {
    type Change = fn(&mut Grant);
    let plain: Change = |_| {};
    // Each row: what decides, the lot that burns later (granted first), the one that burns first.
    let rows: [(&str, Change, Change); 7] = [
        ("priority", |g| g.priority = 51, plain),
        ("priority before expiry", |g| g.expires_at = Some(after(60)), |g| g.priority = 49),
        ("earliest expiry", |g| g.expires_at = Some(after(90)), |g| g.expires_at = Some(after(60))),
        ("none expires last", plain, |g| g.expires_at = Some(after(999_999))),
        (
            "expiry before kind",
            |g| g.kind = GrantKind::Promotional,
            |g| {
                g.expires_at = Some(after(60));
            },
        ),
        ("promotional before paid", plain, |g| g.kind = GrantKind::Promotional),
        ("earliest effective", plain, |g| g.effective_at = Some(after(-60))),
    ];
    for (what, later, first) in rows {
        let mut book = Book::new();
        book.run(lot(later)).unwrap();
        book.run(lot(first)).unwrap();
        assert_eq!(book.tell(debit("1.5")), ["debited 2:1 1:0.5"], "{what}");
    }
    let mut book = Book::new();
    book.run(lot(plain)).unwrap();
    book.run(lot(plain)).unwrap();
    assert_eq!(book.tell(debit("1.5")), ["debited 1:1 2:0.5"], "position");
}

#[test]
fn w1_a_lot_with_a_scope_pays_only_for_its_meters() {
    let mut book = Book::new();
    book.run(scoped("5", "calls")).unwrap();
    book.run(grant("5")).unwrap();
    assert_eq!(book.tell(debit_for("1", "images")), ["debited 2:1"]);
    assert_eq!(book.tell(debit("1")), ["debited 2:1"]);
    assert_eq!(book.tell(debit_for("6", "calls")), ["debited 1:5 2:1"]);
    assert_eq!(book.balance(), "2 held 0 owed 0");
}

#[test]
fn w3_what_is_not_yet_effective_is_pending_and_cannot_be_spent() {
    let mut book = Book::new();
    book.run(lot(|g| g.effective_at = Some(after(60)))).unwrap();
    assert_eq!(book.refused(debit("1")), "insufficient_credits");
    assert_eq!(book.wallet.balance(book.now).pending.to_string(), "1");
    book.pass(60);
    assert_eq!(book.tell(debit("1")), ["debited 1:1"]);
}

#[test]
fn w3_a_lot_past_its_expiry_is_unspendable_before_its_expiry_event_is_written() {
    let mut book = Book::new();
    book.run(expiring("10", 60)).unwrap();
    book.pass(60);
    assert_eq!(book.balance(), "0 held 0 owed 0");
    assert_eq!(book.decide(&debit("1")).unwrap_err().code(), "insufficient_credits");
}

#[test]
fn w2_a_used_up_lot_leaves_the_state() {
    let mut book = Book::new();
    book.run(grant("1")).unwrap();
    book.run(debit("1")).unwrap();
    assert_eq!(book.wallet.lots().count(), 0);
}
