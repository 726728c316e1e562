//! What refers to something earlier: settlements, extensions, refunds, corrections, voids.

use quipu_domain::meter::{Aggregation, Price, UnpricedPolicy};
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::event::Overage;

use super::check;
use crate::support::{
    Book, active_tenant, after, debit, extend, grant, hold_with, rate_usage, refund, settle,
    some_grant, text, usage, void, void_usage,
};

#[test]
fn settlements_are_refused_in_order() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold_with("4", Overage::Reject)).unwrap();
    book.run(hold_with("4", Overage::Reject)).unwrap();
    book.run(settle(3, "0")).unwrap();
    check(
        book,
        (9, "-1"),
        |(hold, amount)| settle(hold, amount),
        &[
            ("unknown_tenant", |book, _| book.tenant = active_tenant()),
            ("unknown_hold", |_, settle| settle.0 = 3),
            ("amount_not_positive", |_, settle| settle.1 = "5"),
            ("hold_ended", |_, settle| settle.0 = 2),
            ("settlement_exceeds_hold", |book, settle| {
                book.pass(900);
                book.run(debit("9")).unwrap();
                settle.1 = "2";
            }),
            ("insufficient_credits", |_, settle| settle.1 = "1"),
        ],
    );
    let mut late = Book::new();
    late.run(grant("10")).unwrap();
    late.run(hold_with("4", Overage::Reject)).unwrap();
    late.pass(1_201);
    late.tick();
    assert_eq!(late.refused(settle(2, "-1")), "amount_not_positive");
    assert_eq!(late.refused(settle(2, "5")), "hold_expired");
}

#[test]
fn extensions_are_refused_in_order() {
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(hold_with("4", Overage::Reject)).unwrap();
    book.run(settle(2, "0")).unwrap();
    book.run(hold_with("4", Overage::Reject)).unwrap();
    check(
        book,
        (9, 0),
        |(hold, ttl)| extend(hold, ttl),
        &[
            ("unknown_tenant", |book, _| book.tenant = active_tenant()),
            ("unknown_hold", |_, extend| extend.0 = 2),
            ("ttl_out_of_range", |_, extend| extend.1 = 60),
            ("hold_ended", |_, extend| extend.0 = 4),
        ],
    );
}

#[test]
fn refunds_are_refused_in_order() {
    #[derive(Clone)]
    struct Wrong(u64, &'static str, i64);
    let mut book = Book::new();
    book.run(grant("10")).unwrap();
    book.run(debit("4")).unwrap();
    book.run(refund(2, Some("1"))).unwrap();
    let command = |wrong: Wrong| {
        let WalletCommand::Refund { entry, amount, reason, .. } = refund(wrong.0, Some(wrong.1))
        else {
            unreachable!("refund() makes a refund")
        };
        WalletCommand::Refund { entry, amount, expires_at: Some(after(wrong.2)), reason }
    };
    check(
        book,
        Wrong(9, "0", 0),
        command,
        &[
            ("unknown_tenant", |book, _| book.tenant = active_tenant()),
            ("unknown_entry", |_, wrong| wrong.0 = 3),
            ("amount_not_positive", |_, wrong| wrong.1 = "4"),
            ("expiry_not_in_future", |_, wrong| wrong.2 = 60),
            ("not_refundable", |_, wrong| wrong.0 = 2),
            ("refund_exceeds_debit", |_, wrong| wrong.1 = "3"),
        ],
    );
}

#[test]
fn corrections_are_refused_in_order() {
    let mut book = Book::new();
    book.meter("m", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
    book.run(usage("m", "1")).unwrap();
    book.run(void_usage(1)).unwrap();
    book.run(usage("m", "1")).unwrap();
    check(
        book,
        9,
        rate_usage,
        &[
            ("unknown_tenant", |book, _| book.tenant = active_tenant()),
            ("unknown_entry", |book, entry| {
                *entry = 1;
                let price_table = text("models");
                book.price("m", after(-60), Price::Tokens { price_table });
            }),
            ("invalid_usage", |book, _| {
                book.meter("m", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
            }),
            ("usage_already_void", |_, entry| *entry = 3),
            ("usage_unpriceable", |book, _| {
                book.price("m", after(-60), Price::Flat { unit_price: text("2") });
            }),
            ("insufficient_credits", |book, _| drop(book.run(grant("5")))),
        ],
    );
    let mut book = Book::new();
    book.run(grant("1")).unwrap();
    book.run(debit("1")).unwrap();
    check(
        book,
        9,
        void,
        &[
            ("unknown_tenant", |book, _| book.tenant = active_tenant()),
            ("unknown_grant", |_, grant| *grant = 1),
            ("nothing_to_void", |book, grant| {
                book.run(WalletCommand::Grant(some_grant("1"))).unwrap();
                *grant = 3;
            }),
        ],
    );
}
