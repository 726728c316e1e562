//! Where several rules refuse a command, the one that stands first in [`Refusal::CODES`] answers.
//! Each table begins with everything wrong at once and mends one thing after the other.

mod later;

use quipu_domain::Refusal;
use quipu_domain::meter::{Aggregation, Price, UnpricedPolicy};
use quipu_domain::tenant::Tenant;
use quipu_domain::wallet::WalletCommand;
use quipu_domain::wallet::command::{Debit, Grant, PlaceHold};
use quipu_domain::wallet::event::{Attribution, Usage};

use crate::support::{
    Book, active_tenant, after, credits, debit, freeze, grant, limit, some_debit, some_grant,
    some_hold, some_usage, suspended_tenant, text,
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
        let rank = Refusal::CODES.iter().position(|(known, _)| known == code).unwrap();
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
    let wrong =
        PlaceHold { ttl_seconds: Some(0), attribution: of_a_retired_agent(), ..some_hold("0") };
    check(
        locked_book(),
        wrong,
        WalletCommand::PlaceHold,
        &[
            ("unknown_tenant", |book, _| book.tenant = suspended_tenant()),
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
fn the_readme_lists_every_code_in_order() {
    let readme = include_str!("../../README.md");
    let (_, precedence) = readme.split_once("## Precedence").unwrap();
    let listed: Vec<&str> =
        precedence.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let codes: Vec<_> = Refusal::CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(listed, codes);
}
