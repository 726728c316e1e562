//! J4: a command whose event no journal takes is refused, and nobody else notices.

use std::sync::Arc;

use quipu_domain::period::{BookedBalance, ClosePeriod, PeriodCommand, PeriodName};
use quipu_domain::price_table::{PriceTableCommand, PricesPublished, TokenPrice};
use quipu_domain::wallet::command::{Debit, Grant};
use quipu_domain::wallet::{WalletCommand, WalletEvent};
use quipu_domain::{EntryId, Event, MeterName, Position, Stream};
use quipu_engine::{Clock as _, Command, EngineError, Receipt};
use quipu_journal::{Fault, MemoryStore, Root, Store};

use crate::support::{Bench, START, credits, debit, grant, label, tenant, time};

const DAY: i64 = 86_400;

async fn bench(amount: &str) -> Bench {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    bench.tenant_with(&tenant("acme"), amount).await;
    bench
}

async fn assert_refused_and_others_go_on(bench: &Bench, outcome: Result<Receipt, EngineError>) {
    assert!(matches!(outcome, Err(EngineError::EventTooLarge { .. })), "{outcome:?}");
    bench.wallet(&tenant("acme"), grant("1"), None).await.expect("nobody else is held up");
}

#[tokio::test]
async fn refuses_to_publish_more_prices_than_an_event_has_room_for() {
    let bench = bench("1").await;
    let price = |_| TokenPrice {
        input: "2.5".parse().unwrap(),
        cached_input: Some("1.25".parse().unwrap()),
        output: "10".parse().unwrap(),
    };
    let publish = PriceTableCommand::Publish(PricesPublished {
        table: label("models"),
        effective_at: time(START),
        models: (0..1_000).map(|n| (label(&format!("model-{n}")), price(n))).collect(),
        markup_percent: 0.into(),
        source: None,
    });
    let outcome =
        bench.send(Command::PriceTable { table: label("models"), command: publish }, None).await;
    assert_refused_and_others_go_on(&bench, outcome).await;
}

/// C2: names of meters over all tenants have no limit, and a period must be closed some day. A
/// retry gets the same events, from memory and from the journal.
#[tokio::test]
async fn c2_seals_any_number_of_accounts_in_one_command() {
    const METERS: usize = 5_000;
    let store = MemoryStore::default();
    let bench = Bench::on(Arc::new(store.clone()));
    bench.clock.advance_seconds(2 * DAY);
    let accounts = (0..METERS).flat_map(|n| [(n, "1.000001"), (n + METERS, "-1.000001")]);
    let balances = accounts.map(|(n, closing)| BookedBalance {
        account: label(&format!("consumed/{n:0>64}")),
        before: 0.into(),
        closing: closing.parse().unwrap(),
    });
    let balances: Vec<BookedBalance> = balances.collect();
    let read_from = bench.clock.now();
    let close = |period: &str| {
        Command::Period(PeriodCommand::Close(ClosePeriod {
            period: period.parse::<PeriodName>().unwrap(),
            read_from,
            known_at: Position(0),
            root: label(&Root([0; 32]).to_string()),
            balances: balances.clone(),
        }))
    };
    let first = bench.send(close("2026-01-01"), Some("k")).await.expect("closed");
    let sealed = |receipt: &Receipt| -> usize {
        let period = |event: &Event| match event {
            Event::Period(event) => event.balances().len(),
            other => panic!("{other:?}"),
        };
        receipt.events.iter().map(|recorded| period(&recorded.event)).sum()
    };
    assert_eq!(sealed(&first), 2 * METERS);
    assert!(first.events.len() > 20, "{}", first.events.len());
    let again = bench.send(close("2026-01-01"), Some("k")).await.expect("closed already");
    assert_eq!((again.replayed, &again.events), (true, &first.events));
    drop(bench);

    let bench = Bench::on(Arc::new(store.clone()));
    bench.clock.advance_seconds(3 * DAY);
    let again = bench.send(close("2026-01-01"), Some("k")).await.expect("closed already");
    assert_eq!((again.replayed, &again.events), (true, &first.events));
    let next = bench.send(close("2026-01-02"), None).await.expect("the next opens with these");
    assert_eq!(sealed(&next), 2 * METERS);
}

/// A line of so few lots that it fits; what it gives back has each lot's scope, and does not.
#[tokio::test]
async fn refuses_a_refund_to_lots_with_long_scopes_and_takes_it_in_parts() {
    let bench = bench("1").await;
    let acme = tenant("acme");
    let meter: MeterName = label("meter");
    let others = (0..400).map(|n| label(&format!("{n:0>60}")));
    let scope: Vec<MeterName> = [meter.clone()].into_iter().chain(others).collect();
    for _ in 0..8 {
        let WalletCommand::Grant(unscoped) = grant("1") else { unreachable!() };
        let scoped = Grant { scope: scope.clone(), ..unscoped };
        bench.wallet(&acme, WalletCommand::Grant(scoped), None).await.expect("granted");
    }
    let WalletCommand::Debit(unmetered) = debit("8") else { unreachable!() };
    let metered = Debit { meter: Some(meter), ..unmetered };
    let debited = bench.wallet(&acme, WalletCommand::Debit(metered), None).await.expect("debited");
    let entry = EntryId(debited.events[0].position);
    let refund = |amount: &str| {
        let amount = Some(credits(amount));
        WalletCommand::Refund { entry, amount, expires_at: None, reason: None }
    };
    let outcome = bench.wallet(&acme, refund("8"), None).await;
    assert_refused_and_others_go_on(&bench, outcome).await;
    bench.wallet(&acme, refund("1"), None).await.expect("a part fits");
}

/// W5: what falls due by itself nobody can be refused, so it becomes several events.
#[tokio::test]
async fn repays_overdraft_from_any_number_of_lots_that_begin_at_once() {
    const LOTS: usize = 2_000;
    let bench = bench("1").await;
    let acme = tenant("acme");
    let limit = WalletCommand::SetOverdraftLimit { limit: credits("2000"), reason: None };
    bench.wallet(&acme, limit, None).await.expect("set");
    bench.wallet(&acme, debit("2001"), None).await.expect("debited");
    for _ in 0..LOTS {
        let WalletCommand::Grant(now) = grant("1") else { unreachable!() };
        let later = Grant { effective_at: Some(time(START).plus_seconds(DAY)), ..now };
        bench.wallet(&acme, WalletCommand::Grant(later), None).await.expect("granted");
    }
    let before = bench.engine.journal().head().unwrap().position;
    bench.clock.advance_seconds(DAY);
    bench.engine.catch_up(acme.clone()).await.expect("they begin");
    let events = bench.engine.stream(Stream::wallet(&acme)).await.unwrap();
    let repaid =
        events.iter().filter(|event| event.position > before).map(|event| match &event.event {
            Event::Wallet(WalletEvent::OverdraftRepaid(repaid)) => repaid.lots.len(),
            other => panic!("{other:?}"),
        });
    assert_eq!(repaid.sum::<usize>(), LOTS);
    let receipt = bench.wallet(&acme, grant("1"), None).await.expect("granted");
    assert_eq!(receipt.balance.unwrap().available, credits("1"), "nothing is owed any more");
}

/// Whatever was missed before: a batch that can never be durable is given up.
#[tokio::test]
async fn a_batch_that_the_journal_refuses_for_good_is_dropped_and_the_next_one_is_taken() {
    for fault in [Fault::TooLarge, Fault::Values] {
        let store = MemoryStore::default();
        let bench = Bench::on(Arc::new(store.clone()));
        let acme = tenant("acme");
        bench.tenant_with(&acme, "10").await;
        store.fail_next(fault);
        let dropped = bench.wallet(&acme, debit("3"), Some("k")).await;
        assert!(matches!(dropped, Err(EngineError::Unavailable { .. })), "{dropped:?}");
        let receipt = bench.wallet(&acme, debit("3"), Some("k")).await.expect("it goes on");
        assert!(!receipt.replayed);
        assert_eq!(receipt.balance.unwrap().available, credits("7"));
        assert_eq!(store.head().unwrap().position, Position(3));
    }
}
