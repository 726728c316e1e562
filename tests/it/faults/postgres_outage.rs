//! PostgreSQL stopped without warning under load, and started again; and PostgreSQL that answers
//! nothing for a while.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quipu_testkit::postgres;
use serde_json::{Value, json};

use crate::support::client::{Client, fresh_key};
use crate::support::server::{Server, assert_verifies};
use crate::support::store::Store;

const DEBITS: &str = "/v1/tenants/t_outage/debits";

/// Callers keep debiting 1 and repeat whatever was not answered, with the same key, until it is.
/// So the book must hold exactly as many debits as keys, whatever happened in between.
#[test]
fn an_outage_is_503_with_retry_after_and_loses_and_doubles_nothing() {
    let database = postgres::Server::own();
    let store = Store::Postgres(database.database());
    let server = Server::start(&store);
    let client = server.client();
    client.tenant_with("t_outage", "1000000");
    let stop = AtomicBool::new(false);
    let done: u64 = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..16)
            .map(|_| {
                let client = client.clone();
                let stop = &stop;
                scope.spawn(move || {
                    let mut done = 0;
                    while !stop.load(Ordering::SeqCst) {
                        debit_until_answered(&client, &fresh_key());
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        let mut by_main_thread = 0;
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(400));
            database.stop_immediate();
            wait_until(|| !client.is_ready());
            assert_eq!(client.get("/livez").status, 200, "alive, though not ready");
            let key = fresh_key();
            let refused = client.post_with_key(DEBITS, &one(), &key);
            assert_eq!((refused.status, refused.retry_after), (503, true), "{}", refused.body);
            database.start_again();
            wait_until(|| client.is_ready());
            debit_until_answered(&client, &key);
            by_main_thread += 1;
        }
        std::thread::sleep(Duration::from_millis(400));
        stop.store(true, Ordering::SeqCst);
        let by_callers: u64 = callers.into_iter().map(|c| c.join().expect("a caller")).sum();
        by_callers + by_main_thread
    });
    let balance = client.balance("t_outage");
    assert_eq!(balance["available"], json!((1_000_000 - done).to_string()), "{done} acknowledged");
    server.stop();
    assert_verifies(&store);
}

/// Nothing fails: a synchronous standby is away, and PostgreSQL waits for it.
#[test]
fn a_commit_that_does_not_end_is_told_of() {
    let database = postgres::Server::own();
    let url = database.database();
    let server = Server::start(&Store::Postgres(url.clone()));
    let client = server.client();
    client.tenant_with("t_outage", "10");
    assert_eq!(metric(&client, "quipu_ready"), Some(1.0));
    let standbys = |names: &str| {
        let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'");
        database.psql(&url, &set).expect("the superuser may");
        database.psql(&url, "SELECT pg_reload_conf()").expect("the superuser may");
    };
    standbys("nobody");
    let key = fresh_key();
    wait_until(|| client.post_with_key(DEBITS, &one(), &key).code() == "outcome_unknown");
    wait_until(|| !client.is_ready());
    let ready = client.get("/readyz");
    assert!(ready.body.contains("unavailable") && ready.body.contains("standby"), "{}", ready.body);
    assert_eq!(metric(&client, "quipu_ready"), Some(0.0));
    standbys("");
    wait_until(|| client.is_ready());
    assert_eq!(metric(&client, "quipu_ready"), Some(1.0));
    debit_until_answered(&client, &key);
    assert_eq!(client.balance("t_outage")["available"], "9");
    server.stop();
}

/// The wallet is in nobody's memory, and what it is made of cannot be read.
#[test]
fn a_decision_that_does_not_end_is_told_of() {
    let database = postgres::Server::own();
    let url = database.database();
    let store = Store::Postgres(url.clone());
    let server = Server::start(&store);
    server.client().tenant_with("t_outage", "10");
    server.kill();
    let server = Server::start(&store);
    let client = server.client();
    std::thread::scope(|scope| {
        let locked = scope.spawn(|| database.psql(&url, &lock("journal_batch")));
        std::thread::sleep(Duration::from_secs(1));
        let key = fresh_key();
        assert_eq!(client.post_with_key(DEBITS, &one(), &key).code(), "outcome_unknown");
        wait_until(|| !client.is_ready());
        free(&database, &url);
        drop(locked.join());
        wait_until(|| client.is_ready());
        debit_until_answered(&client, &key);
    });
    server.stop();
}

#[test]
fn views_that_cannot_be_written_are_seen_to_fall_behind() {
    let database = postgres::Server::own();
    let url = database.database();
    let store = Store::Postgres(url.clone());
    let server = Server::start(&store);
    server.client().tenant_with("t_outage", "10");
    server.client().balance("t_outage");
    let falls_behind = |server: &Server| {
        let client = server.client();
        let is_more = |name: &str, than: f64| metric(&client, name).is_some_and(|lag| lag > than);
        wait_until(|| {
            is_more("quipu_views_lag_events", 0.0) && is_more("quipu_views_lag_seconds", 1.0)
        });
    };
    std::thread::scope(|scope| {
        let locked = scope.spawn(|| database.psql(&url, &lock("quipu_views.balance")));
        let key = fresh_key();
        std::thread::sleep(Duration::from_secs(1));
        debit_until_answered(&server.client(), &key);
        falls_behind(&server);
        server.kill();
        let server = Server::start(&store);
        falls_behind(&server);
        free(&database, &url);
        drop(locked.join());
        let client = server.client();
        wait_until(|| metric(&client, "quipu_views_lag_events") == Some(0.0));
        assert_eq!(metric(&client, "quipu_views_lag_seconds"), Some(0.0));
        server.stop();
    });
}

/// Holds a table until [`free`].
fn lock(table: &str) -> String {
    format!("BEGIN; LOCK TABLE {table}; SELECT pg_sleep(120)")
}

fn free(database: &postgres::Server, url: &str) {
    let end =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'";
    database.psql(url, end).expect("the superuser may");
}

fn metric(client: &Client, name: &str) -> Option<f64> {
    let metrics = client.get("/metrics").body;
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.parse().ok()
}

fn one() -> Value {
    json!({"amount": "1"})
}

fn debit_until_answered(client: &Client, key: &str) {
    let mut seen: BTreeMap<u16, u32> = BTreeMap::new();
    loop {
        let answer = client
            .try_post(DEBITS, &one(), key)
            .expect("the server answers, also while its database does not");
        *seen.entry(answer.status).or_default() += 1;
        match answer.status {
            201 => return,
            503 => {
                assert!(answer.retry_after, "503 says when to come again: {}", answer.body);
                std::thread::sleep(Duration::from_millis(50));
            }
            409 if answer.code() == "idempotency_key_in_flight" => {
                std::thread::sleep(Duration::from_millis(50));
            }
            status => panic!("{status} {}; before that {seen:?}", answer.body),
        }
    }
}

pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it did not happen within a minute");
}
