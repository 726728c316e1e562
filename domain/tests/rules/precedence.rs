//! Where several rules refuse a command, the one that stands first in [`Refusal::CODES`] answers.
//! Each table begins with everything wrong at once and mends one thing after the other.

use quipu_domain::Refusal;
use quipu_domain::meter::{Aggregation, Price, UnpricedPolicy};
use quipu_domain::tenant::Tenant;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::{Debit, Grant, PlaceHold};
use quipu_domain::wallet::event::{Attribution, Overage, Usage};

use crate::support::{
    Book, active_tenant, after, credits, debit, extend, freeze, grant, hold_with, limit,
    rate_usage, refund, settle, some_debit, some_grant, some_hold, some_usage, suspended_tenant,
    text, usage, void, void_usage,
};

/// The refusal that answers, and what is mended about it.
type Step<C> = (&'static str, fn(&mut Book, &mut C));

/// Checks that the refusals come in the order of the steps, that this is the order of the codes,
/// and that nothing is refused when all is mended.
fn check<C: Clone>(
    mut book: Book,
    mut command: C,
    wrap: fn(C) -> WalletCommand,
    steps: &[Step<C>],
) {
    book.tenant = Tenant::default();
    let mut last = 0;
    for (code, mend) in steps {
        assert_eq!(book.decide(&wrap(command.clone())).unwrap_err().code(), *code);
        let rank = Refusal::CODES.iter().position(|known| known == code).unwrap();
        assert!(rank >= last, "{code} comes too late");
        last = rank;
        mend(&mut book, &mut command);
    }
    book.decide(&wrap(command)).unwrap();
}

fn of_a_retired_agent() -> Attribution {
    Attribution { agent: Some(text("old")), ..Attribution::default() }
}

/// A frozen wallet without credits; its tenant will be suspended, its agent is retired.
fn locked_book() -> Book {
    let mut book = Book::new();
    book.register("old", true);
    book.run(freeze()).unwrap();
    book
}

fn unlock(book: &mut Book) {
    let unfreeze = WalletCommand::Unfreeze { reason: text("all is well") };
    let tenant = std::mem::replace(&mut book.tenant, active_tenant());
    book.run(unfreeze).unwrap();
    book.tenant = tenant;
}

#[test]
fn debits_are_refused_in_order() {
    let wrong = Debit {
        meter: Some(text("nothing")),
        effective_at: Some(after(-99 * 86_400)),
        attribution: of_a_retired_agent(),
        ..some_debit("-1")
    };
    check(
        locked_book(),
        wrong,
        WalletCommand::Debit,
        &[
            ("unknown_tenant", |book, _| book.tenant = suspended_tenant()),
            ("unknown_meter", |_, debit| debit.meter = Some(text("calls"))),
            ("amount_not_positive", |_, debit| debit.amount = credits("5")),
            ("too_far_back", |_, debit| debit.effective_at = Some(after(1))),
            ("in_the_future", |_, debit| debit.effective_at = None),
            ("tenant_suspended", |book, _| book.tenant = active_tenant()),
            ("wallet_frozen", |book, _| unlock(book)),
            ("agent_retired", |_, debit| debit.attribution = Attribution::default()),
            ("insufficient_credits", |book, _| drop(book.run(grant("5")))),
        ],
    );
}

#[test]
fn holds_are_refused_in_order() {
    let wrong = PlaceHold {
        meter: Some(text("nothing")),
        ttl_seconds: Some(0),
        attribution: of_a_retired_agent(),
        ..some_hold("0")
    };
    check(
        locked_book(),
        wrong,
        WalletCommand::PlaceHold,
        &[
            ("unknown_tenant", |book, _| book.tenant = suspended_tenant()),
            ("unknown_meter", |_, hold| hold.meter = Some(text("calls"))),
            ("amount_not_positive", |_, hold| hold.amount = credits("1000000000000")),
            ("ttl_out_of_range", |_, hold| hold.ttl_seconds = None),
            ("tenant_suspended", |book, _| book.tenant = active_tenant()),
            ("wallet_frozen", |book, _| unlock(book)),
            ("agent_retired", |book, hold| {
                hold.attribution = Attribution::default();
                book.run(limit("1000000000000")).unwrap();
                book.run(WalletCommand::PlaceHold(some_hold("1"))).unwrap();
            }),
            ("amount_out_of_range", |_, hold| hold.amount = credits("999999999999")),
        ],
    );
    check(
        Book::new(),
        some_hold("1"),
        WalletCommand::PlaceHold,
        &[
            ("unknown_tenant", |book, _| book.tenant = active_tenant()),
            ("insufficient_credits", |book, _| drop(book.run(grant("5")))),
        ],
    );
}

#[test]
fn grants_are_refused_in_order() {
    let mut book = Book::new();
    book.run(grant("1000000000000")).unwrap();
    let wrong = Grant {
        priority: 101,
        effective_at: Some(after(-99 * 86_400)),
        expires_at: Some(after(-98 * 86_400)),
        unit_cost: Some(text("-1")),
        ..some_grant("0")
    };
    check(
        book,
        wrong,
        WalletCommand::Grant,
        &[
            ("unknown_tenant", |book, _| book.tenant = suspended_tenant()),
            ("amount_not_positive", |_, grant| grant.amount = credits("1")),
            ("priority_out_of_range", |_, grant| grant.priority = 100),
            ("expiry_not_in_future", |_, grant| grant.expires_at = None),
            ("too_far_back", |_, grant| grant.effective_at = Some(after(1))),
            ("invalid_price", |_, grant| grant.unit_cost = None),
            ("amount_out_of_range", |book, _| {
                book.tenant = active_tenant();
                book.run(debit("1")).unwrap();
            }),
        ],
    );
}

#[test]
fn usage_is_refused_in_order() {
    let mut book = locked_book();
    book.meter("m", Aggregation::Sum, UnpricedPolicy::Refuse);
    let wrong = Usage {
        quantity: None,
        attribution: of_a_retired_agent(),
        occurred_at: after(-99 * 86_400),
        ..some_usage("nothing", "1")
    };
    check(
        book,
        wrong,
        WalletCommand::RecordUsage,
        &[
            ("unknown_tenant", |book, _| book.tenant = suspended_tenant()),
            ("unknown_meter", |_, usage| usage.meter = text("m")),
            ("too_far_back", |_, usage| usage.occurred_at = after(301)),
            ("in_the_future", |_, usage| usage.occurred_at = after(0)),
            ("invalid_usage", |_, usage| usage.quantity = Some(text("1000000000000"))),
            ("tenant_suspended", |book, _| book.tenant = active_tenant()),
            ("wallet_frozen", |book, _| unlock(book)),
            ("agent_retired", |_, usage| usage.attribution = Attribution::default()),
            ("usage_unpriceable", |book, _| {
                book.price("m", after(0), Price::Flat { unit_price: text("2") });
            }),
            ("amount_out_of_range", |_, usage| usage.quantity = Some(text("1"))),
            ("insufficient_credits", |book, _| drop(book.run(grant("5")))),
        ],
    );
}

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

#[test]
fn the_readme_lists_every_code_in_order() {
    let readme = include_str!("../../README.md");
    let (_, precedence) = readme.split_once("## Precedence").unwrap();
    let listed: Vec<&str> =
        precedence.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(listed, Refusal::CODES);
}
