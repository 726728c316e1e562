//! Commands one after the other and at once.

use std::sync::Arc;

use quipu_domain::wallet::command::Grant;
use quipu_domain::wallet::{WalletCommand, WalletEvent};
use quipu_domain::{Event, HoldId, Label, Position, Refusal, Timestamp};
use quipu_engine::{Command, EngineError, Receipt};
use quipu_journal::MemoryStore;

use crate::support::{Bench, START, credits, debit, grant, hold, label, request, tenant, time};

fn types(receipt: &Receipt) -> Vec<&str> {
    receipt.events.iter().map(|event| event.event.type_name()).collect()
}

#[tokio::test]
async fn a_debit_leads_to_an_event_and_the_balance_after_it() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "10").await;
    let receipt = bench.wallet(&acme, debit("2.5"), None).await.unwrap();
    assert_eq!(types(&receipt), ["CreditsDebited"]);
    assert_eq!(receipt.events[0].position, Position(3));
    assert_eq!(receipt.balance.unwrap().available, credits("7.5"));
    assert_eq!(bench.engine.journal().head().unwrap().position, Position(3));
}

#[tokio::test]
async fn a_refusal_leaves_no_event_and_says_the_numbers() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "1").await;
    let refused = bench.wallet(&acme, debit("1.000001"), Some("k")).await;
    let Err(EngineError::Refused(Refusal::InsufficientCredits { needed, available, .. })) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((needed, available), (credits("1.000001"), credits("1")));
    assert_eq!(bench.engine.journal().head().unwrap().position, Position(2));
    let nobody = bench.wallet(&tenant("nobody"), debit("1"), None).await;
    assert!(matches!(nobody, Err(EngineError::Refused(Refusal::UnknownTenant { .. }))));
}

/// W6, W7: what has fallen due is written by the scheduler before the next decision.
#[tokio::test]
async fn an_expired_hold_returns_before_the_next_decision() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "10").await;
    bench.wallet(&acme, hold("8", 60), None).await.unwrap();
    assert!(bench.wallet(&acme, debit("5"), None).await.is_err());
    bench.clock.advance_seconds(61);
    let receipt = bench.wallet(&acme, debit("5"), None).await.unwrap();
    assert_eq!(types(&receipt), ["CreditsDebited"], "the expiry is not the caller's event");
    let events = bench.engine.journal().page(Position(3), 10).unwrap();
    assert!(matches!(events[0].event, Event::Wallet(WalletEvent::HoldExpired(_))));
    assert_eq!(events[0].metadata.actor.as_str(), "scheduler");
    assert_eq!(events[0].effective_at().to_string(), "2026-01-01T00:01:00Z");
    assert_eq!(receipt.balance.unwrap().available, credits("5"));
}

/// M5, W7: what follows from a command counts with it, and not when its lot's time was over.
#[tokio::test]
async fn credits_that_return_to_an_expired_lot_expire_when_they_return() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant(&acme).await;
    let WalletCommand::Grant(brief) = grant("10") else { unreachable!() };
    let brief = Grant { expires_at: Some(time(START).plus_seconds(60)), ..brief };
    bench.wallet(&acme, WalletCommand::Grant(brief), None).await.unwrap();
    let held = bench.wallet(&acme, hold("10", 900), None).await.unwrap();
    bench.clock.advance_seconds(120);
    let release =
        WalletCommand::ReleaseHold { hold: HoldId(held.events[0].position), reason: None };
    let receipt = bench.wallet(&acme, release, None).await.unwrap();
    assert_eq!(types(&receipt), ["HoldReleased", "CreditsExpired"]);
    let counts: Vec<Timestamp> = receipt.events.iter().map(|event| event.effective_at()).collect();
    assert_eq!(counts, [time(START).plus_seconds(120); 2]);
}

#[tokio::test]
async fn catching_up_writes_what_is_due_once() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "10").await;
    bench.wallet(&acme, hold("8", 60), None).await.unwrap();
    bench.clock.advance_seconds(61);
    for _ in 0..3 {
        bench.engine.catch_up(acme.clone()).await.unwrap();
    }
    assert_eq!(bench.engine.journal().head().unwrap().position, Position(4));
}

#[tokio::test]
async fn a_refund_finds_the_draws_of_a_line_long_gone_from_the_state() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "3").await;
    bench.wallet(&acme, grant("10"), None).await.unwrap();
    let debited = bench.wallet(&acme, debit("5"), None).await.unwrap();
    let Event::Wallet(WalletEvent::CreditsDebited(line)) = &debited.events[0].event else {
        panic!("{debited:?}");
    };
    let refund = |amount: &str| WalletCommand::Refund {
        entry: line.entry,
        amount: Some(credits(amount)),
        expires_at: None,
        reason: None,
    };
    let receipt = bench.wallet(&acme, refund("4"), None).await.unwrap();
    assert_eq!(receipt.balance.unwrap().available, credits("12"));
    let refused = bench.wallet(&acme, refund("1.5"), None).await;
    assert!(matches!(refused, Err(EngineError::Refused(Refusal::RefundExceedsDebit { .. }))));
    bench.wallet(&acme, refund("1"), None).await.unwrap();
}

#[tokio::test]
async fn a_key_has_one_effect_and_is_bound_to_its_request() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let (acme, other) = (tenant("acme"), tenant("other"));
    for tenant in [&acme, &other] {
        bench.tenant_with(tenant, "10").await;
    }
    let first = bench.wallet(&acme, debit("4"), Some("k")).await.unwrap();
    bench.wallet(&acme, debit("1"), None).await.unwrap();
    let again = bench.wallet(&acme, debit("4"), Some("k")).await.unwrap();
    assert!(again.replayed);
    assert_eq!((&again.events, again.balance), (&first.events, first.balance));
    let reused = bench.wallet(&acme, debit("4.000001"), Some("k")).await;
    assert!(matches!(reused, Err(EngineError::KeyReused { position: Position(5) })), "{reused:?}");
    let elsewhere = bench.wallet(&other, debit("4"), Some("k")).await.unwrap();
    assert!(!elsewhere.replayed, "keys of different tenants never meet");
}

/// P3: the digest of a request is made anew for a retry, and the key of digests may have changed.
#[tokio::test]
async fn a_key_is_known_by_each_fingerprint_that_the_request_may_have() {
    let store = Arc::new(MemoryStore::default());
    let acme = tenant("acme");
    let bench = Bench::on(store.clone());
    bench.tenant_with(&acme, "10").await;
    let first = bench.wallet(&acme, debit("4"), Some("k")).await.unwrap();
    let again = |also: &[&Label]| {
        let command = Command::Wallet { tenant: acme.clone(), command: debit("4") };
        let mut again = request(command, Some("k"));
        again.metadata.fingerprint = Some(label("another"));
        again.also_bound_to = also.iter().map(|&label| label.clone()).collect();
        again
    };
    let (bound, third) = (first.events[0].metadata.fingerprint.as_ref().unwrap(), label("third"));
    let assert_known = async |bench: &Bench| {
        let known = bench.engine.execute(again(&[&third, bound])).await.unwrap();
        assert!(known.replayed && known.events == first.events);
        let reused = bench.engine.execute(again(&[&third])).await;
        assert!(matches!(reused, Err(EngineError::KeyReused { position: Position(3) })));
    };
    assert_known(&bench).await;
    bench.engine.shutdown().await;
    assert_known(&Bench::on(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_debits_at_once_never_overspend() {
    let bench = Arc::new(Bench::on(Arc::new(MemoryStore::default())));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "50").await;
    let debits = (0..1_000).map(|_| {
        let (bench, acme) = (Arc::clone(&bench), acme.clone());
        tokio::spawn(async move { bench.wallet(&acme, debit("1"), None).await.is_ok() })
    });
    let mut succeeded = 0;
    for debit in debits.collect::<Vec<_>>() {
        succeeded += usize::from(debit.await.unwrap());
    }
    assert_eq!(succeeded, 50);
    assert_eq!(bench.engine.journal().head().unwrap().position, Position(52));
}

#[tokio::test]
async fn after_shutdown_nothing_is_taken_and_the_lease_is_free() {
    let store = MemoryStore::default();
    let bench = Bench::on(Arc::new(store.clone()));
    bench.tenant(&tenant("acme")).await;
    bench.engine.shutdown().await;
    let refused = bench.wallet(&tenant("acme"), grant("1"), None).await;
    assert!(matches!(refused, Err(EngineError::Stopped)));
    let next = Bench::on(Arc::new(store));
    next.wallet(&tenant("acme"), grant("1"), None).await.unwrap();
}
