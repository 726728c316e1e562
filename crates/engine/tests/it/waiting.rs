//! What waits to be decided is looked at together: after a start, thousands of states are wanted at
//! once, and their last events stand in the same rows.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::join_all;
use quipu_domain::{Stream, TenantId};
use quipu_engine::{EngineError, Receipt};
use quipu_journal::MemoryStore;

use crate::counted::Counted;
use crate::support::{Bench, debit, foreign, tenant};

const WALLETS: usize = 40;

/// An engine that has been started again and knows no state yet, and the wallets of its book.
async fn started_again() -> (Arc<Counted>, Bench, Vec<TenantId>) {
    let store = MemoryStore::default();
    let tenants: Vec<TenantId> = (0..WALLETS).map(|n| tenant(&format!("n{n}"))).collect();
    let bench = Bench::on(Arc::new(store.clone()));
    for tenant in &tenants {
        bench.tenant_with(tenant, "10").await;
    }
    bench.engine.shutdown().await;
    let counted = Arc::new(Counted::new(store));
    let bench = Bench::on(counted.clone());
    (counted, bench, tenants)
}

/// Debits each wallet by a request of its own. The first makes the engine ask for its states, and
/// all others wait before it has the answer.
async fn debit_each(
    counted: &Counted,
    bench: &Bench,
    tenants: &[TenantId],
) -> Vec<Result<Receipt, EngineError>> {
    let debit = |tenant| bench.wallet(tenant, debit("1"), None).boxed();
    let mut all = join_all(tenants.iter().map(debit));
    {
        let _answers = counted.hold_answers();
        assert!((&mut all).now_or_never().is_none());
    }
    all.await
}

#[tokio::test]
async fn states_of_all_that_wait_are_asked_for_together() {
    let (counted, bench, tenants) = started_again().await;
    let before = counted.questions();
    let debited = debit_each(&counted, &bench, &tenants).await;
    assert!(debited.iter().all(Result::is_ok));
    let questions = counted.questions() - before;
    assert!(questions <= 20, "{questions} questions for {WALLETS} wallets");
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_refuses_nobody_elses_command() {
    let (counted, bench, tenants) = started_again().await;
    let newer = &tenants[WALLETS / 2];
    let append = foreign(Stream::wallet(newer), 1, "CreditsMelted", 1);
    bench.engine.append(append).await.unwrap();
    for (tenant, debited) in tenants.iter().zip(debit_each(&counted, &bench, &tenants).await) {
        let is_newer = matches!(debited, Err(EngineError::Newer { .. }));
        assert_eq!((is_newer, debited.is_ok()), (tenant == newer, tenant != newer), "{tenant}");
    }
}
