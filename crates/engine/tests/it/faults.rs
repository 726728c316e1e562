//! A journal that fails, loses answers, goes away, or is taken over.

use std::sync::Arc;
use std::time::Duration;

use quipu_domain::Position;
use quipu_engine::{EngineError, Status};
use quipu_journal::{Fault, MemoryStore, Store};

use crate::support::{Bench, credits, debit, tenant};

async fn bench(store: &MemoryStore) -> Bench {
    let bench = Bench::on(Arc::new(store.clone()));
    bench.tenant_with(&tenant("acme"), "10").await;
    bench
}

/// Whether the COMMIT whose answer was lost had happened or not: the caller learns the truth,
/// and the effect is there once.
#[tokio::test]
async fn a_lost_commit_answer_is_resolved_by_reading() {
    for fault in [Fault::UnknownCommitted, Fault::UnknownLost, Fault::Failed] {
        let store = MemoryStore::default();
        let bench = bench(&store).await;
        store.fail_next(fault);
        let receipt = bench.wallet(&tenant("acme"), debit("3"), Some("k")).await.unwrap();
        assert_eq!(receipt.balance.unwrap().available, credits("7"), "{fault:?}");
        let again = bench.wallet(&tenant("acme"), debit("3"), Some("k")).await.unwrap();
        assert!(again.replayed, "{fault:?}");
        assert_eq!(store.head().unwrap().position, Position(3), "{fault:?}");
        assert_eq!(bench.engine.status(), Status::Ready);
    }
}

#[tokio::test]
async fn while_the_journal_is_away_commands_are_refused_at_once_and_then_it_goes_on() {
    let store = MemoryStore::default();
    let bench = Arc::new(bench(&store).await);
    store.unavailable(true);
    let caught = tokio::spawn({
        let bench = Arc::clone(&bench);
        async move { bench.wallet(&tenant("acme"), debit("1"), Some("caught")).await }
    });
    while bench.engine.status() == Status::Ready {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let refused = bench.wallet(&tenant("acme"), debit("1"), Some("refused")).await;
    assert!(matches!(refused, Err(EngineError::Unavailable { .. })), "{refused:?}");
    store.unavailable(false);
    let receipt = caught.await.unwrap().unwrap();
    assert_eq!(receipt.balance.unwrap().available, credits("9"));
    let retried = bench.wallet(&tenant("acme"), debit("1"), Some("refused")).await.unwrap();
    assert_eq!(retried.balance.unwrap().available, credits("8"));
    assert!(!retried.replayed, "the refused attempt had no effect");
}

/// Another writer forced its way in. Its events stand; ours, decided on what was before, do not.
#[tokio::test]
async fn an_overtaken_writer_drops_what_it_had_decided_and_reads_anew() {
    let store = MemoryStore::default();
    let first = bench(&store).await;
    let second = Bench::with(Arc::new(store.clone()), |options| {
        options.lease = quipu_journal::Lease::Forced;
    });
    second.wallet(&tenant("acme"), debit("9"), None).await.unwrap();
    second.engine.shutdown().await;
    let lost = first.wallet(&tenant("acme"), debit("2"), Some("k")).await;
    assert!(matches!(lost, Err(EngineError::Unavailable { .. })), "{lost:?}");
    let refused = first.wallet(&tenant("acme"), debit("2"), Some("k")).await;
    assert!(matches!(refused, Err(EngineError::Refused(_))), "only 1 is left: {refused:?}");
    let receipt = first.wallet(&tenant("acme"), debit("1"), Some("k")).await.unwrap();
    assert_eq!(receipt.balance.unwrap().available, credits("0"));
    assert_eq!(store.head().unwrap().position, Position(4));
}

#[tokio::test]
async fn an_engine_that_must_stop_while_the_journal_is_away_stops() {
    let store = MemoryStore::default();
    let bench = Arc::new(bench(&store).await);
    store.unavailable(true);
    let caught = tokio::spawn({
        let bench = Arc::clone(&bench);
        async move { bench.wallet(&tenant("acme"), debit("1"), None).await }
    });
    while bench.engine.status() == Status::Ready {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bench.engine.shutdown().await;
    assert!(caught.await.unwrap().is_err());
}
