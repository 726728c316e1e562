//! What survives a restart, and what may be thrown away.

use std::num::NonZeroUsize;
use std::sync::Arc;

use quipu_domain::wallet::Wallet;
use quipu_domain::{Stream, Version};
use quipu_journal::{MemoryStore, Store as _};

use crate::support::{Bench, credits, debit, foreign, tenant};

#[tokio::test]
async fn keys_and_states_survive_a_restart() {
    let store = MemoryStore::default();
    let bench = Bench::on(Arc::new(store.clone()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "10").await;
    let first = bench.wallet(&acme, debit("4"), Some("k")).await.unwrap();
    bench.wallet(&acme, debit("1"), None).await.unwrap();
    bench.engine.shutdown().await;

    let bench = Bench::on(Arc::new(store));
    let again = bench.wallet(&acme, debit("4"), Some("k")).await.unwrap();
    assert!(again.replayed);
    assert_eq!((&again.events, again.balance), (&first.events, first.balance));
    let next = bench.wallet(&acme, debit("1"), None).await.unwrap();
    assert_eq!(next.balance.unwrap().available, credits("4"));
}

/// With room for two wallets in memory, thirty are worked on; each is reloaded many times, from
/// snapshots and the events after them.
#[tokio::test]
async fn wallets_that_left_memory_come_back_as_they_were() {
    let store = MemoryStore::default();
    let bench = Bench::with(Arc::new(store), |options| {
        options.states_in_memory = NonZeroUsize::new(2).unwrap();
    });
    let tenants: Vec<_> = (0..30).map(|n| tenant(&format!("n{n}"))).collect();
    for tenant in &tenants {
        bench.tenant_with(tenant, "100").await;
    }
    for round in 1..=20 {
        for tenant in &tenants {
            let receipt = bench.wallet(tenant, debit("1"), None).await.unwrap();
            let left = credits(&(100 - round).to_string());
            assert_eq!(receipt.balance.unwrap().available, left, "{tenant} in round {round}");
        }
    }
}

/// A state is rebuilt at an earlier version through the snapshots that are kept.
#[tokio::test]
async fn an_old_key_is_answered_as_it_was_in_a_long_stream() {
    let store = MemoryStore::default();
    let bench = Bench::on(Arc::new(store.clone()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "10000").await;
    for n in 0..1_500 {
        bench.wallet(&acme, debit("1"), Some(&format!("k{n}"))).await.unwrap();
    }
    bench.engine.shutdown().await;
    let bench = Bench::on(Arc::new(store));
    for n in [0, 700, 1_022, 1_023, 1_024, 1_499] {
        let again = bench.wallet(&acme, debit("1"), Some(&format!("k{n}"))).await.unwrap();
        let left = credits(&(9_999 - n).to_string());
        assert_eq!((again.replayed, again.balance.unwrap().available), (true, left), "k{n}");
    }
}

/// A process that is killed saves nothing more. One wallet's events among those of many others
/// stand in rows far apart, so they are not read from the beginning.
#[tokio::test]
async fn a_state_whose_events_lie_far_apart_is_saved_before_its_stream_is_long() {
    let store = MemoryStore::default();
    let bench = Bench::on(Arc::new(store.clone()));
    let acme = tenant("acme");
    let saved = |most: Option<u64>| {
        let streams = [Stream::wallet(&acme)];
        let found = store.snapshots(&streams, most.map(Version), Wallet::SCHEMA).unwrap();
        found.first().map(|snapshot| snapshot.version.0)
    };
    bench.tenant_with(&acme, "100").await;
    for _ in 2..=31 {
        bench.wallet(&acme, debit("1"), None).await.unwrap();
    }
    others(&bench, 1).await;
    assert_eq!(saved(None), None);
    for _ in 32..=80 {
        bench.wallet(&acme, debit("1"), None).await.unwrap();
    }
    saved_in_time(|| saved(None) == Some(32)).await;
    others(&bench, 2).await;
    bench.wallet(&acme, debit("1"), None).await.unwrap();
    saved_in_time(|| saved(None) == Some(81)).await;
    assert_eq!(saved(Some(80)), None, "the older one is not kept");
}

/// So many events of somebody else that what comes after them is far from what came before.
async fn others(bench: &Bench, round: u64) {
    const EVENTS: usize = 65_536;
    let before = (round - 1) * EVENTS as u64;
    let append = foreign(Stream::stored("somebody/else"), before, "Happened", EVENTS);
    bench.engine.append(append).await.expect("appended");
}

/// Callers are answered before the snapshots of their batch are saved.
async fn saved_in_time(is_saved: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if is_saved() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it was not saved within ten seconds");
}
