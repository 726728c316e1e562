//! A journal that fails, loses answers, goes away, or is taken over.

use std::sync::Arc;
use std::time::Duration;

use quipu_domain::{Position, TenantId, Timestamp};
use quipu_engine::{DueSource, EngineError, Scheduler, Status};
use quipu_journal::{Fault, MemoryStore, Store};

use crate::support::{Bench, credits, debit, hold, tenant};

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
async fn an_overtaken_engine_drops_what_it_had_decided_and_ends() {
    let store = MemoryStore::default();
    let first = bench(&store).await;
    let second = Bench::with(Arc::new(store.clone()), |options| {
        options.lease = quipu_journal::Lease::Forced;
    });
    second.wallet(&tenant("acme"), debit("9"), None).await.unwrap();
    second.engine.shutdown().await;
    let lost = first.wallet(&tenant("acme"), debit("2"), Some("k")).await;
    assert!(matches!(lost, Err(EngineError::Unavailable { .. })), "{lost:?}");
    first.engine.overtaken().await;
    assert_eq!(first.engine.status(), Status::Overtaken);
    let refused = first.wallet(&tenant("acme"), debit("1"), Some("k")).await;
    assert!(matches!(refused, Err(EngineError::Stopped)), "{refused:?}");
    assert_eq!(store.head().unwrap().position, Position(3));
    first.engine.shutdown().await;

    let again = Bench::on(Arc::new(store.clone()));
    let refused = again.wallet(&tenant("acme"), debit("2"), Some("k")).await;
    assert!(matches!(refused, Err(EngineError::Refused(_))), "only 1 is left: {refused:?}");
    let receipt = again.wallet(&tenant("acme"), debit("1"), Some("k")).await.unwrap();
    assert_eq!(receipt.balance.unwrap().available, credits("0"));
}

/// Who asks in the very moment in which the engine ends is told so, and does not wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_asks_while_the_engine_ends_is_answered() {
    for _ in 0..100 {
        let store = MemoryStore::default();
        let first = Arc::new(bench(&store).await);
        let second = Bench::with(Arc::new(store.clone()), |options| {
            options.lease = quipu_journal::Lease::Forced;
        });
        second.tenant_with(&tenant("bolt"), "5").await;
        second.engine.shutdown().await;
        let asking = (0..8).map(|_| {
            let first = Arc::clone(&first);
            tokio::spawn(async move {
                while !matches!(
                    first.wallet(&tenant("acme"), debit("1"), None).await,
                    Err(EngineError::Stopped)
                ) {}
            })
        });
        for asked in asking.collect::<Vec<_>>() {
            let answered = tokio::time::timeout(Duration::from_secs(60), asked).await;
            answered.expect("nobody waits for ever").unwrap();
        }
    }
}

/// A database may end a session while nobody sends anything, and another server takes over.
#[tokio::test]
async fn an_idle_engine_notices_that_it_was_overtaken() {
    let store = MemoryStore::default();
    let first = bench(&store).await;
    let second = Bench::with(Arc::new(store.clone()), |options| {
        options.lease = quipu_journal::Lease::Forced;
    });
    second.tenant_with(&tenant("bolt"), "5").await;
    second.engine.shutdown().await;
    store.unavailable(true);
    while first.engine.status() == Status::Ready {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.unavailable(false);
    first.engine.overtaken().await;
}

/// A process that was stopped, or that a session was taken from a moment ago, asks before it answers:
/// what it refuses may be there by now.
#[tokio::test]
async fn nothing_is_refused_or_answered_again_by_who_may_have_been_overtaken() {
    let store = MemoryStore::default();
    let first = Arc::new(bench(&store).await);
    first.wallet(&tenant("acme"), debit("1"), Some("before")).await.unwrap();
    let second = Bench::with(Arc::new(store.clone()), |options| {
        options.lease = quipu_journal::Lease::Forced;
    });
    second.tenant_with(&tenant("bolt"), "5").await;
    second.engine.shutdown().await;
    store.unavailable(true);
    let asked = |name: &'static str, key| {
        let first = Arc::clone(&first);
        tokio::spawn(async move { first.wallet(&tenant(name), debit("1"), Some(key)).await })
    };
    let known = Arc::clone(&first);
    let known = tokio::spawn(async move { known.engine.has_tenant(&tenant("bolt")).await });
    let (refused, again) = (asked("bolt", "new"), asked("acme", "before"));
    while first.engine.status() == Status::Ready {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    store.unavailable(false);
    for answer in [refused, again] {
        let answer = answer.await.unwrap();
        assert!(matches!(answer, Err(EngineError::Unavailable { .. })), "{answer:?}");
    }
    let answer = known.await.unwrap();
    assert!(matches!(answer, Err(EngineError::Unavailable { .. })), "{answer:?}");
}

/// What was acknowledged is gone: to go on would give its positions to other events.
#[tokio::test]
async fn a_journal_that_ends_earlier_than_it_did_is_not_written_to() {
    let store = MemoryStore::default();
    let first = bench(&store).await;
    first.wallet(&tenant("acme"), debit("1"), None).await.unwrap();
    store.unavailable(true);
    store.lose_last_row();
    while first.engine.status() == Status::Ready {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.unavailable(false);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let refused = first.wallet(&tenant("acme"), debit("2"), None).await;
    assert!(matches!(refused, Err(EngineError::Unavailable { .. })), "{refused:?}");
    assert_eq!(store.head().unwrap().position, Position(2));
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

/// In whose wallets something is due for ever, in order.
struct Due(Vec<TenantId>);

impl DueSource for Due {
    fn due(
        &self,
        _: Timestamp,
        after: Option<&TenantId>,
        most: usize,
    ) -> Result<Vec<TenantId>, String> {
        let rest = self.0.iter().filter(|tenant| after.is_none_or(|after| *tenant > after));
        Ok(rest.take(most).cloned().collect())
    }
}

/// W12: whatever the source goes on naming, and however much of it there is.
#[tokio::test]
async fn wallets_with_nothing_to_do_keep_no_other_from_its_expiry() {
    let bench = bench(&MemoryStore::default()).await;
    let (acme, last) = (tenant("acme"), tenant("zulu"));
    bench.tenant_with(&last, "10").await;
    bench.wallet(&last, hold("8", 60), None).await.unwrap();
    bench.clock.advance_seconds(61);
    let before = bench.engine.journal().head().unwrap().position;
    let idle = (0..1_500).map(|number| tenant(&format!("idle_{number:04}")));
    let scheduler = Scheduler {
        engine: bench.engine.clone(),
        source: Arc::new(Due([acme].into_iter().chain(idle).chain([last]).collect())),
        interval: Duration::from_millis(1),
    };
    scheduler.run_once().await.unwrap();
    assert_eq!(bench.engine.journal().head().unwrap().position, before.plus(1));
}

#[tokio::test]
async fn a_scheduler_that_must_stop_while_the_journal_is_away_stops() {
    let store = MemoryStore::default();
    let bench = bench(&store).await;
    let acme = tenant("acme");
    bench.wallet(&acme, hold("1", 60), None).await.unwrap();
    bench.clock.advance_seconds(60);
    let scheduler = Scheduler {
        engine: bench.engine.clone(),
        source: Arc::new(Due(vec![acme])),
        interval: Duration::from_millis(1),
    };
    store.unavailable(true);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(scheduler.run(stopped));
    while bench.engine.status() == Status::Ready {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(60), running).await.expect("it stops").unwrap();
    bench.engine.shutdown().await;
}
