//! Events of a newer program that stand where a start does not read: in an old part of the journal.

use std::sync::Arc;

use quipu_domain::{Event, Stream};
use quipu_engine::EngineError;
use quipu_journal::{KeyWindow, Lease, MemoryStore, Writer};

use crate::support::{Bench, debit, foreign, tenant};

#[tokio::test]
async fn what_rests_on_an_event_that_only_a_newer_program_reads_is_refused_with_a_reason() {
    let store = Arc::new(MemoryStore::default());
    let acme = tenant("acme");
    let bench = Bench::on(store.clone());
    bench.tenant(&acme).await;
    let append = foreign(Stream::wallet(&acme), 0, "CreditsMelted", 1);
    let appended = bench.engine.append(append).await.unwrap();
    assert!(matches!(appended[0].event, Event::Application(_)));
    let refused = bench.wallet(&acme, debit("1"), None).await.unwrap_err();
    let EngineError::Newer { why } = refused else { panic!("{refused}") };
    assert!(why.contains("event 2 cannot be read: it was written by a newer quipu"), "{why}");
    bench.engine.shutdown().await;
    let opened = Writer::open(store, Lease::Forced, KeyWindow::default());
    assert!(opened.is_err(), "a start that reads it refuses it");
}
