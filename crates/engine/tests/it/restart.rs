//! What survives a restart, and what may be thrown away.

use std::num::NonZeroUsize;
use std::sync::Arc;

use quipu_journal::MemoryStore;

use crate::support::{Bench, credits, debit, grant, tenant};

#[tokio::test]
async fn keys_and_states_survive_a_restart() {
    let store = MemoryStore::default();
    let bench = Bench::on(Arc::new(store.clone()));
    let acme = tenant("acme");
    bench.tenant(&acme).await;
    bench.wallet(&acme, grant("10"), None).await.unwrap();
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
        bench.tenant(tenant).await;
        bench.wallet(tenant, grant("100"), None).await.unwrap();
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
    bench.tenant(&acme).await;
    bench.wallet(&acme, grant("10000"), None).await.unwrap();
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
