//! M5: the machine's clock jumps back or ahead, and recorded time never decreases.

use std::sync::Arc;
use std::time::Duration;

use quipu_domain::wallet::{WalletCommand, WalletEvent};
use quipu_domain::{Event, HoldId, Position, TenantId, Timestamp};
use quipu_engine::{DueSource, Scheduler};
use quipu_journal::MemoryStore;

use crate::support::{Bench, START, credits, debit, hold, tenant, time};

const DAY: i64 = 86_400;

#[tokio::test]
async fn m5_recorded_time_stands_still_until_a_clock_that_went_back_has_caught_up() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "10").await;
    for (seconds, recorded) in [(-DAY, START), (DAY - 1, START), (6, "2026-01-01T00:00:05Z")] {
        bench.clock.advance_seconds(seconds);
        let receipt = bench.wallet(&acme, debit("1"), None).await.unwrap();
        assert_eq!(receipt.events[0].recorded_at, time(recorded), "{seconds}");
    }
}

/// The book knows how late it was, not the process.
#[tokio::test]
async fn m5_a_start_with_a_clock_behind_the_book_goes_on_from_the_book() {
    let store = MemoryStore::default();
    let bench = Bench::on(Arc::new(store.clone()));
    let acme = tenant("acme");
    bench.clock.advance_seconds(DAY);
    bench.tenant_with(&acme, "10").await;
    bench.engine.shutdown().await;

    let bench = Bench::on(Arc::new(store));
    let receipt = bench.wallet(&acme, debit("1"), None).await.unwrap();
    assert_eq!(receipt.events[0].recorded_at, time("2026-01-02T00:00:00Z"));
    assert_eq!(receipt.balance.unwrap().available, credits("9"));
}

/// Whether something is due is asked by the book's time, as everything else is.
#[tokio::test]
async fn w12_what_is_due_in_the_book_is_written_while_the_clock_is_behind_it() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "10").await;
    bench.wallet(&acme, hold("4", 60), None).await.unwrap();
    bench.clock.advance_seconds(3_600);
    bench.tenant(&tenant("other")).await;
    bench.clock.advance_seconds(-3_590);
    let scheduler = Scheduler {
        engine: bench.engine.clone(),
        source: Arc::new(DueAt(acme, time("2026-01-01T00:01:00Z"))),
        interval: Duration::from_millis(1),
    };
    scheduler.run_once().await.unwrap();
    assert_eq!(bench.engine.journal().head().unwrap().position, Position(5));
}

/// A wallet, and from when on something is due in it.
struct DueAt(TenantId, Timestamp);

impl DueSource for DueAt {
    fn due(
        &self,
        until: Timestamp,
        after: Option<&TenantId>,
        _: usize,
    ) -> Result<Vec<TenantId>, String> {
        let is_due = until >= self.1 && after.is_none();
        Ok(is_due.then(|| self.0.clone()).into_iter().collect())
    }
}

/// W7: what was over stays over, and its credits are spent once.
#[tokio::test]
async fn w7_a_hold_that_has_expired_does_not_come_back_with_the_clock() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "10").await;
    bench.wallet(&acme, hold("8", 60), None).await.unwrap();
    bench.clock.advance_seconds(61);
    bench.wallet(&acme, debit("5"), None).await.unwrap();
    bench.clock.advance_seconds(-61);
    let settle = WalletCommand::SettleHold { hold: HoldId(Position(3)), amount: credits("4") };
    let settled = bench.wallet(&acme, settle, None).await.unwrap();
    let Event::Wallet(WalletEvent::HoldSettled(event)) = &settled.events[0].event else {
        panic!("{settled:?}");
    };
    assert!(event.late && event.from_hold.lots.is_empty(), "{event:?}");
    assert_eq!(settled.balance.unwrap().available, credits("1"));
    bench.engine.catch_up(acme.clone()).await.unwrap();
    assert_eq!(bench.engine.journal().head().unwrap().position, Position(6), "it expires once");
}

/// A key is kept for so many events, not for so long.
#[tokio::test]
async fn a_key_has_one_effect_however_far_the_clock_jumps() {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let acme = tenant("acme");
    bench.tenant_with(&acme, "10").await;
    let first = bench.wallet(&acme, debit("4"), Some("k")).await.unwrap();
    for seconds in [3_650 * DAY, -7_300 * DAY, 3_650 * DAY] {
        bench.clock.advance_seconds(seconds);
        let again = bench.wallet(&acme, debit("4"), Some("k")).await.unwrap();
        assert!(again.replayed, "{seconds}");
        assert_eq!((&again.events, again.balance), (&first.events, first.balance), "{seconds}");
    }
}
