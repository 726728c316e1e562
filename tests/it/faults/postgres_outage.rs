//! PostgreSQL stopped without warning under load, and started again.

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
