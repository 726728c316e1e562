//! J5: a state that was written as a snapshot reads back as it was. The pinned texts show when its
//! shape changes: then its `SCHEMA` must change too, so that older snapshots are not read.

use quipu_domain::agent::Agent;
use quipu_domain::epoch::{Epoch, EpochCommand, NewEpoch, SignedHead};
use quipu_domain::meter::{Aggregation, Meter, Price, Tier, UnpricedPolicy};
use quipu_domain::period::{BalancesSealed, PeriodEvent, Periods};
use quipu_domain::price_table::{PriceTable, PricesPublished, TokenPrice};
use quipu_domain::subject::{SubjectCommand, SubjectRegister};
use quipu_domain::tenant::Tenant;
use quipu_domain::wallet::{Wallet, WalletCommand};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::periods::closed;
use crate::support::{
    Book, after, debit, expiring, freeze, grant, hold, limit, rate_usage, refund, scoped,
    some_usage, suspended_tenant, text, usage, void,
};

fn written<S: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    schema: &str,
    state: &S,
) -> String {
    let snapshot = serde_json::to_string(state).unwrap();
    assert_eq!(serde_json::from_str::<S>(&snapshot).unwrap(), *state);
    format!("{schema}\n{}", serde_json::to_string_pretty(state).unwrap())
}

fn tiers() -> Price {
    let tier = |up_to: Option<&str>, unit_price: &str| Tier {
        up_to: up_to.map(text),
        unit_price: text(unit_price),
        flat_price: text("0.10"),
    };
    Price::Graduated { tiers: vec![tier(Some("10"), "0.50"), tier(None, "0.25")] }
}

fn busy_book() -> Book {
    let mut book = Book::new();
    book.meter("people", Aggregation::UniqueCount, UnpricedPolicy::RecordUnpriced);
    book.price("people", after(0), tiers());
    book.meter("late", Aggregation::Latest, UnpricedPolicy::RecordUnpriced);
    book.meter("unpriced", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
    book.run(limit("20")).unwrap();
    book.run(expiring("10", 86_400)).unwrap();
    book.run(hold("1")).unwrap();
    book.pass(900);
    book.run(scoped("5", "calls")).unwrap();
    book.run(hold("12")).unwrap();
    book.run(grant("7")).unwrap();
    book.run(debit("2")).unwrap();
    book.run(refund(book.events.len() as u64, Some("1"))).unwrap();
    let mut person = some_usage("people", "1");
    person.value = Some(text("ann"));
    book.run(WalletCommand::RecordUsage(person)).unwrap();
    book.run(usage("unpriced", "4")).unwrap();
    let record = book.events.len() as u64;
    book.price("unpriced", after(0), tiers());
    book.run(rate_usage(record)).unwrap();
    book.price("late", after(0), tiers());
    book.run(usage("late", "3")).unwrap();
    book.meter("left", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
    book.price("left", after(0), tiers());
    book.run(usage("left", "3")).unwrap();
    let record = book.events.len() as u64;
    book.price("left", after(0), Price::Flat { unit_price: text("0.5") });
    book.run(rate_usage(record)).unwrap();
    book.run(void(2)).unwrap();
    book.run(freeze()).unwrap();
    book
}

#[test]
fn a_wallets_shape_is_pinned() {
    insta::assert_snapshot!(written(Wallet::SCHEMA, &busy_book().wallet));
}

#[test]
fn a_tenants_shape_is_pinned() {
    insta::assert_snapshot!(written(Tenant::SCHEMA, &suspended_tenant()));
}

#[test]
fn an_agents_shape_is_pinned() {
    let mut book = Book::new();
    book.register("robot", true);
    insta::assert_snapshot!(written(Agent::SCHEMA, &book.agents[&text("robot")]));
}

#[test]
fn the_epochs_shape_is_pinned() {
    let mut epoch = Epoch::default();
    let origin = text("example.com/book/e1");
    let last = SignedHead { epoch: 1, origin, size: 20, root: text("AAAA") };
    let new = NewEpoch { name: text("example.com/book"), reason: text("a backup was restored") };
    let next = quipu_domain::Position(13);
    let events = epoch.decide(&EpochCommand::Start(last, new), next).unwrap();
    events.iter().for_each(|event| epoch.apply(event).unwrap());
    insta::assert_snapshot!(written(Epoch::SCHEMA, &epoch));
}

#[test]
fn the_periods_shape_is_pinned() {
    let mut periods = Periods::default();
    periods.apply(&closed("2026-09", 7, ["1", "0", "2", "3"])).unwrap();
    periods.apply(&closed("2026-10", 12, ["3", "-0.5", "2.5", "5"])).unwrap();
    let next = closed("2026-11", 20, ["5", "0", "1", "6"]);
    let part = BalancesSealed { period: text("2026-11"), balances: next.balances()[..1].to_vec() };
    periods.apply(&PeriodEvent::BalancesSealed(part)).unwrap();
    insta::assert_snapshot!(written(Periods::SCHEMA, &periods));
}

#[test]
fn the_subject_registers_shape_is_pinned() {
    let mut register = SubjectRegister::default();
    let (subject, keys) = (text("t_acme"), vec![text("00ff00ff00ff00ff")]);
    let erase = SubjectCommand::Erase { subject, keys, reason: text("request 4711") };
    let events = register.decide(&erase).unwrap();
    events.iter().for_each(|event| register.apply(event).unwrap());
    insta::assert_snapshot!(written(SubjectRegister::SCHEMA, &register));
}

#[test]
fn a_meters_shape_is_pinned() {
    let mut book = busy_book();
    book.price("unpriced", after(60), Price::Tokens { price_table: text("models") });
    insta::assert_snapshot!(written(Meter::SCHEMA, &book.meters[&text("unpriced")]));
}

#[test]
fn a_price_tables_shape_is_pinned() {
    let mut book = Book::new();
    let price = TokenPrice { input: text("2.50"), cached_input: None, output: text("10") };
    book.publish(PricesPublished {
        table: text("models"),
        effective_at: after(0),
        models: [(text("large"), price)].into(),
        markup_percent: text("20"),
        source: Some(text("the provider's price page")),
    });
    insta::assert_snapshot!(written(PriceTable::SCHEMA, &book.tables[&text("models")]));
}
