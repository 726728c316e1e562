//! `quipu import postgres-es`: a table as postgres-es 0.5 makes it, brought over whole.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent, EventStore as _};
use quipu_engine::cqrs::EventStore;
use quipu_engine::{Engine, Options};
use quipu_journal::{SqlStore, Store as _};
use quipu_testkit::postgres;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::import_usage::talk;
use crate::faults::kill_during_import::Random;
use crate::stores::plain_sql::sql;
use crate::support::both_stores;
use crate::support::server::{Server, assert_verifies, program};
use crate::support::store::Store;

/// The table as postgres-es' own documentation has it.
const TABLE: &str = "CREATE TABLE events (
    aggregate_type text NOT NULL,
    aggregate_id text NOT NULL,
    sequence bigint CHECK (sequence >= 0) NOT NULL,
    event_type text NOT NULL,
    event_version text NOT NULL,
    payload json NOT NULL,
    metadata json NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
)";

/// Forty accounts of fifty events each. Their clocks differ, and that of account 7 goes back once.
const FILL: &str = "INSERT INTO events
    SELECT 'account', 'a-' || account, number,
        CASE number WHEN 1 THEN 'Opened' ELSE 'Deposited' END, '2.1',
        CASE number WHEN 1 THEN '{\"Opened\": {\"by\": \"Ann \\\"A\\\"\"}}'
            ELSE '{\"Deposited\" : { \"micros\": ' || number || ' }}' END::json,
        json_build_object('trace', 'r-' || account || '-' || number, 'actor', 'ann', 'at',
            to_char(timestamp '2024-01-01' + make_interval(mins =>
                CASE WHEN account = 7 AND number = 20 THEN -5 ELSE number * 60 + account END),
                'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))
    FROM generate_series(1, 40) AS account, generate_series(1, 50) AS number";

#[derive(Debug, Default, Serialize, Deserialize)]
struct Account {
    owner: String,
    micros: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum AccountEvent {
    Opened { by: String },
    Deposited { micros: u64 },
}

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        match self {
            AccountEvent::Opened { .. } => "Opened".into(),
            AccountEvent::Deposited { .. } => "Deposited".into(),
        }
    }

    fn event_version(&self) -> String {
        "2.1".into()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("never")]
struct Never;

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = u64;
    type Event = AccountEvent;
    type Error = Never;
    type Services = ();

    async fn handle(&mut self, micros: u64, (): &(), sink: &EventSink<Self>) -> Result<(), Never> {
        sink.write(AccountEvent::Deposited { micros }, self).await;
        Ok(())
    }

    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Opened { by } => self.owner = by,
            AccountEvent::Deposited { micros } => self.micros += micros,
        }
    }
}

/// Somebody's database with such a table, filled.
fn source() -> String {
    let url = postgres::database();
    for statement in [TABLE, FILL] {
        psql(&url, statement);
    }
    url
}

fn psql(url: &str, statement: &str) {
    let source = Store::Postgres(url.to_owned());
    sql(&source, statement);
}

fn command(store: &Store, source: &str, more: &[&str]) -> Command {
    let mut command = program();
    command.args(["import", "postgres-es", source, "--json"]).args(more);
    store.give_to(&mut command);
    command
}

fn import(store: &Store, source: &str, more: &[&str]) -> Output {
    command(store, source, more).output().expect("the program starts")
}

#[track_caller]
fn summary(output: &Output) -> Value {
    assert!(output.status.success(), "{}", talk(output));
    serde_json::from_slice(&output.stdout).expect("a summary")
}

fn counts(events: u64, appended: u64, already_there: u64) -> Value {
    let (total, aggregates) = (events, 40);
    json!({"events": total, "appended": appended, "already_there": already_there, "aggregates": aggregates})
}

both_stores! {
    /// Killed at random moments and run again until it ends, everything is there once; the
    /// aggregates load their history from the journal and go on with it.
    fn killed_imports_lose_nothing_double_nothing_and_an_aggregate_goes_on(store: Store) {
        let source = source();
        let more = ["--time-key", "at"];
        let mut random = Random(11);
        for _ in 0..8 {
            let mut child = command(&store, &source, &more);
            let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
            std::thread::sleep(Duration::from_millis(30 + random.below(400)));
            drop(child.kill());
            child.wait().expect("it ends");
        }
        let summary = summary(&import(&store, &source, &more));
        assert_eq!(summary["events"], 2_000);
        assert_eq!(summary["appended"].as_u64().zip(summary["already_there"].as_u64()).map(|(a, b)| a + b), Some(2_000));
        assert_eq!(self::summary(&import(&store, &source, &more)), counts(2_000, 0, 2_000));
        assert_eq!(sql(&store, "select count(*), max(position) from journal_event"), "2000|2000");
        assert_verifies(&store);

        // The stated order: by time, and never against the numbers of an aggregate.
        let first = sql(&store, "select stream, version, effective_at, actor from journal_event where position = 1");
        assert_eq!(first, "account/a-1|1|2024-01-01T01:01:00Z|ann");
        let misordered = sql(&store, "select count(*) from (
            select version, row_number() over (partition by stream order by position) as expected
            from journal_event) as numbered where version <> expected");
        assert_eq!(misordered, "0");
        let after_it = sql(&store, "select stream, version from journal_event where position =
            1 + (select position from journal_event where stream = 'account/a-7' and version = 19)");
        assert_eq!(after_it, "account/a-7|20", "its clock went back, so it follows the event before it at once");

        let runtime = Runtime::new().expect("a runtime");
        let engine = Engine::start(opened(&store), Options::default()).expect("it starts");
        let accounts = EventStore::<Account>::new(engine.clone());
        runtime.block_on(async {
            let mut loaded = accounts.load_aggregate("a-7").await.expect("its history");
            let account = cqrs_es::AggregateContext::aggregate(&mut loaded);
            assert_eq!((account.owner.as_str(), account.micros), ("Ann \"A\"", (2..=50).sum()));
            let events = accounts.load_events("a-7").await.expect("its events");
            let metadata = &events[19].metadata;
            assert_eq!((events[19].sequence, metadata["trace"].as_str()), (20, "r-7-20"));
            assert_eq!(metadata["at"], "2023-12-31T23:55:00Z");
            assert!(metadata["postgres_es"].contains("\"event_version\":\"2.1\""), "{metadata:?}");
            let cqrs = cqrs_es::CqrsFramework::new(accounts, Vec::new(), ());
            cqrs.execute("a-7", 1).await.expect("it goes on");
            engine.shutdown().await;
        });
        assert_verifies(&store);

        // The table grows, too: what is new is brought over, but not where the book has gone on.
        let grow = |account: &str| psql(&source, &format!(
            "INSERT INTO events VALUES ('account', '{account}', 51, 'Deposited', '2.1', '{{\"Deposited\":{{\"micros\":1}}}}', '{{}}')"
        ));
        grow("a-8");
        assert_eq!(self::summary(&import(&store, &source, &more)), counts(2_001, 1, 2_000));
        grow("a-7");
        let refused = import(&store, &source, &more);
        assert_eq!(refused.status.code(), Some(3), "{}", talk(&refused));
        assert!(talk(&refused).contains("account/a-7 number 51: the book has gone on"), "{}", talk(&refused));
    }

    fn a_table_that_contradicts_itself_or_the_book_is_refused_with_the_place(store: Store) {
        let source = source();
        let refused = |more: &[&str], change: &str, why: &str| {
            psql(&source, change);
            let output = import(&store, &source, more);
            assert_eq!(output.status.code(), Some(3), "{}", talk(&output));
            assert!(talk(&output).contains(why), "{why}: {}", talk(&output));
        };
        refused(
            &[],
            "ALTER TABLE events DROP CONSTRAINT events_pkey; DELETE FROM events WHERE aggregate_id = 'a-3' AND sequence = 9",
            "account/a-3: number 9 is missing; the next one is 10",
        );
        refused(
            &[],
            "INSERT INTO events SELECT * FROM events WHERE aggregate_id = 'a-3' AND sequence = 8;
             UPDATE events SET sequence = sequence - 1 WHERE aggregate_id = 'a-3' AND sequence > 9",
            "account/a-3: number 8 stands twice",
        );
        refused(
            &["--time-key", "at"],
            "DELETE FROM events WHERE aggregate_id = 'a-3';
             UPDATE events SET metadata = '{\"at\": \"yesterday\"}' WHERE aggregate_id = 'a-5' AND sequence = 4",
            "account/a-5 number 4: \"yesterday\" is not a time",
        );
        refused(
            &[],
            "INSERT INTO events VALUES ('wallet', 'a', 1, 'Opened', '1', '{}', '{}')",
            "wallet/a number 1: no stream can have that name",
        );
        psql(&source, "DELETE FROM events WHERE aggregate_type = 'wallet'");
        assert!(import(&store, &source, &[]).status.success());
        refused(
            &[],
            "UPDATE events SET payload = '{\"Deposited\":{\"micros\":1000}}' WHERE aggregate_id = 'a-9' AND sequence = 30",
            "account/a-9 number 50: the book has other events up to here",
        );
        assert_verifies(&store);
        let unknown = import(&store, &source, &["--table", "no.such\"table"]);
        assert_eq!(unknown.status.code(), Some(5), "{}", talk(&unknown));
    }
}

/// What it would write takes the places of events that were acknowledged.
#[test]
fn nothing_is_appended_to_a_journal_whose_end_is_missing() {
    let (store, source, backup) = (Store::sqlite(), source(), TempDir::new().expect("a folder"));
    let Store::Sqlite(data) = &store else { panic!("it is files") };
    let [journal, views] = ["journal.db", "views.db"].map(|name| data.path().join(name));
    let server = Server::start(&store);
    server.client().tenant_with("t_acme", "5");
    server.stop();
    fs::copy(&journal, backup.path().join("journal.db")).expect("it is there");
    let server = Server::start(&store);
    server.client().post("/v1/tenants/t_acme/debits", &json!({"amount": "1"})).ok();
    server.stop();
    fs::copy(backup.path().join("journal.db"), &journal).expect("it is there");

    let refused = |why: &str| {
        let output = import(&store, &source, &[]);
        assert!(!output.status.success() && talk(&output).contains(why), "{}", talk(&output));
        assert_eq!(sql(&store, "select count(*) from journal_event"), "2");
    };
    refused("the end of the journal is missing");
    fs::remove_file(&views).expect("it is there");
    refused("does not lead to the checkpoint that was published last");
    // A server says first what was lost.
    Server::start(&store).stop();
    assert_eq!(summary(&import(&store, &source, &[])), counts(2_000, 2_000, 0));
    assert_verifies(&store);
}

fn opened(store: &Store) -> Arc<dyn quipu_journal::Store> {
    let opened = match store {
        Store::Sqlite(_) => SqlStore::open_sqlite(&store.journal_file().expect("a file")),
        Store::Postgres(url) => SqlStore::connect_postgres(url),
    };
    let opened = opened.expect("it opens");
    assert!(opened.head().expect("a head").position.0 >= 2_000);
    Arc::new(opened)
}
