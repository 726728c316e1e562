//! Usage batches: once each, all or nothing, in order.

use std::sync::Arc;

use quipu_domain::meter::{
    Aggregation, MeterCommand, MeterDefined, MeterPriced, Price, UnpricedPolicy,
};
use quipu_domain::wallet::event::{Attribution, Usage};
use quipu_domain::{Metadata, MeterName, Position, TenantId};
use quipu_engine::{Command, EngineError, UsageBatch, UsageOutcome, UsageReport};
use quipu_journal::MemoryStore;

use crate::support::{Bench, START, credits, grant, label, tenant, time};

async fn bench(amount: &str) -> Bench {
    let bench = Bench::on(Arc::new(MemoryStore::default()));
    let meter = meter();
    let define = MeterCommand::Define(MeterDefined {
        meter: meter.clone(),
        aggregation: Aggregation::Sum,
        unit: None,
        unpriced: UnpricedPolicy::Refuse,
    });
    bench
        .send(Command::Meter { meter: meter.clone(), command: define }, None)
        .await
        .expect("accepted");
    let price = MeterCommand::SetPrice(MeterPriced {
        effective_at: time("2020-01-01T00:00:00Z"),
        price: Price::Flat { unit_price: "0.5".parse().expect("a decimal") },
    });
    bench.send(Command::Meter { meter, command: price }, None).await.expect("accepted");
    bench.tenant(&tenant("acme")).await;
    bench.wallet(&tenant("acme"), grant(amount), None).await.expect("accepted");
    bench
}

fn meter() -> MeterName {
    "calls".parse().expect("a name")
}

fn report(tenant: &TenantId, id: &str, quantity: u32) -> UsageReport {
    let usage = Usage {
        meter: meter(),
        quantity: Some(quantity.into()),
        tokens: None,
        value: None,
        attribution: Attribution::default(),
        occurred_at: time(START),
        source: label("test"),
        id: label(id),
    };
    UsageReport { tenant: tenant.clone(), usage, dated: true }
}

async fn record(
    bench: &Bench,
    atomic: bool,
    records: Vec<UsageReport>,
) -> Result<Vec<UsageOutcome>, EngineError> {
    let metadata = Metadata::by(label("tester"));
    bench.engine.record_usage(UsageBatch { records, atomic, metadata }).await
}

fn kinds(outcomes: &[UsageOutcome]) -> Vec<&'static str> {
    let kind = |outcome: &UsageOutcome| match outcome {
        UsageOutcome::Recorded { duplicate: false, .. } => "new",
        UsageOutcome::Recorded { duplicate: true, .. } => "known",
        UsageOutcome::Refused(refusal) => refusal.code(),
        UsageOutcome::IdReused { .. } => "reused",
        UsageOutcome::NotAttempted => "not attempted",
    };
    outcomes.iter().map(kind).collect()
}

/// U1, also for two records with one id in the same batch.
#[tokio::test]
async fn a_record_counts_once_whoever_sends_it_again() {
    let bench = bench("10").await;
    let acme = tenant("acme");
    let batch = vec![report(&acme, "a", 2), report(&acme, "a", 2), report(&acme, "a", 3)];
    let first = record(&bench, false, batch.clone()).await.unwrap();
    assert_eq!(kinds(&first), ["new", "known", "reused"]);
    let again = record(&bench, false, batch).await.unwrap();
    assert_eq!(kinds(&again), ["known", "known", "reused"]);
    let (UsageOutcome::Recorded { event: a, .. }, UsageOutcome::Recorded { event: b, .. }) =
        (&first[0], &again[0])
    else {
        panic!("both are recorded");
    };
    assert_eq!(a, b, "the first answer again");
}

/// Of a batch that has a key, the first event of each tenant carries it, and its fingerprint.
#[tokio::test]
async fn a_key_of_a_batch_belongs_to_one_request_of_a_tenant() {
    let bench = bench("10").await;
    let (acme, other) = (tenant("acme"), tenant("other"));
    bench.tenant(&other).await;
    bench.wallet(&other, grant("10"), None).await.expect("accepted");
    let send = |atomic, fingerprint, records| {
        let (command, fingerprint) = (Some(label("k")), Some(label(fingerprint)));
        let metadata = Metadata { command, fingerprint, ..Metadata::by(label("tester")) };
        bench.engine.record_usage(UsageBatch { records, atomic, metadata })
    };
    let batch = || vec![report(&acme, "a", 1), report(&acme, "b", 1)];
    let too_much = vec![report(&acme, "a", 1), report(&acme, "b", 1_000)];
    let refused = send(true, "other", too_much).await.unwrap();
    assert_eq!(kinds(&refused), ["not attempted", "insufficient_credits"]);
    // What was refused has not taken the key.
    let first = send(false, "one", batch()).await.unwrap();
    assert_eq!(kinds(&first), ["new", "new"]);
    let keys = first.iter().map(|outcome| match outcome {
        UsageOutcome::Recorded { event, .. } => event.metadata.command.is_some(),
        _ => panic!("it is recorded"),
    });
    assert_eq!(keys.collect::<Vec<_>>(), [true, false]);
    for atomic in [true, false] {
        let reused = send(atomic, "other", vec![report(&acme, "c", 1)]).await;
        assert!(matches!(reused, Err(EngineError::KeyReused { .. })), "{reused:?}");
        assert_eq!(kinds(&send(atomic, "one", batch()).await.unwrap()), ["known", "known"]);
    }
    // Keys of different tenants never meet.
    assert_eq!(kinds(&send(false, "other", vec![report(&other, "a", 1)]).await.unwrap()), ["new"]);
    let engine = &bench.engine;
    let at_once = [("x", "c"), ("y", "d")].map(|(fingerprint, id)| {
        let (command, fingerprint) = (Some(label("k2")), Some(label(fingerprint)));
        let metadata = Metadata { command, fingerprint, ..Metadata::by(label("tester")) };
        let records = vec![report(&acme, id, 1)];
        engine.record_usage(UsageBatch { records, atomic: false, metadata })
    });
    let at_once = futures::future::join_all(at_once).await;
    assert_eq!(at_once.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{at_once:?}");
}

#[tokio::test]
async fn a_record_without_a_time_is_known_again_later() {
    let bench = bench("10").await;
    let undated = UsageReport { dated: false, ..report(&tenant("acme"), "a", 1) };
    assert_eq!(kinds(&record(&bench, false, vec![undated.clone()]).await.unwrap()), ["new"]);
    bench.clock.advance_seconds(3_600);
    assert_eq!(kinds(&record(&bench, false, vec![undated]).await.unwrap()), ["known"]);
}

/// U5: order inside a batch is kept, so the second record finds what the first one left.
#[tokio::test]
async fn each_by_itself_or_all_or_nothing() {
    let bench = bench("1").await;
    let acme = tenant("acme");
    let batch = || vec![report(&acme, "a", 1), report(&acme, "b", 1), report(&acme, "c", 1)];
    let before = bench.engine.journal().head().unwrap();
    let atomic = record(&bench, true, batch()).await.unwrap();
    assert_eq!(kinds(&atomic), ["not attempted", "not attempted", "insufficient_credits"]);
    assert_eq!(bench.engine.journal().head().unwrap(), before);
    let plain = record(&bench, false, batch()).await.unwrap();
    assert_eq!(kinds(&plain), ["new", "new", "insufficient_credits"]);
    assert_eq!(bench.engine.journal().head().unwrap().position, before.position.plus(2));
    let rest = record(&bench, true, vec![report(&acme, "a", 1), report(&acme, "b", 1)]).await;
    assert_eq!(kinds(&rest.unwrap()), ["known", "known"]);
}

/// An undone batch leaves no trace in memory either: the same records fit afterwards.
#[tokio::test]
async fn an_undone_batch_leaves_the_wallet_and_the_keys_as_they_were() {
    let bench = bench("2").await;
    let (acme, nobody) = (tenant("acme"), tenant("nobody"));
    let bad = vec![report(&acme, "a", 3), report(&nobody, "b", 1)];
    assert_eq!(
        kinds(&record(&bench, true, bad).await.unwrap()),
        ["not attempted", "unknown_tenant"]
    );
    let good = record(&bench, true, vec![report(&acme, "a", 4)]).await.unwrap();
    assert_eq!(kinds(&good), ["new"]);
    let receipt = bench.wallet(&acme, grant("1"), None).await.unwrap();
    assert_eq!(receipt.balance.unwrap().available, credits("1"));
    assert_eq!(receipt.events[0].position, Position(6));
}
