//! `/v1/periods` and answers about the past, on both stores.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::support::both_stores;
use crate::support::server::{Server, assert_verifies};

both_stores! {
    /// C2: what was sealed stays, is what `verify` computes, and later entries stand as late.
    fn a_sealed_period_is_what_the_journal_gives(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.tenant_with("t_one", "100");
        let grant = json!({"amount": "40", "effective_at": "2020-01-05T00:00:00Z"});
        client.post("/v1/tenants/t_one/grants", &grant).ok();
        let spend = |amount: &str, day: &str| {
            let at = format!("{day}T12:00:00Z");
            let debit = json!({"amount": amount, "meter": "reports", "effective_at": at});
            client.post("/v1/tenants/t_one/debits", &debit).ok();
        };
        spend("1.5", "2020-01-10");
        let january = client.post("/v1/periods/close", &json!({"period": "2020-01"})).ok();
        let closing = |closed: &serde_json::Value, account: &str, column: &str| {
            let balances = closed["balances"].as_array().expect("a list").iter();
            let found = balances.filter(|balance| balance["account"] == account);
            found.map(|balance| balance[column].clone()).next()
        };
        assert_eq!(closing(&january, "available", "closing"), Some(json!("38.5")));
        spend("2", "2020-01-20");
        let february = client.post("/v1/periods/close", &json!({"period": "2020-02"})).ok();
        assert_eq!(closing(&february, "available", "late"), Some(json!("-2")));
        assert_eq!(closing(&february, "available", "closing"), Some(json!("36.5")));
        let sealed = january["known_at"].as_u64().expect("a position");
        let path = format!("/v1/trial-balance?to=2020-02-01T00:00:00Z&known_at={sealed}");
        let then = client.get(&path).ok();
        assert_eq!(then["lines"][0]["closing"], json!("38.5"), "{then}");
        assert_eq!(client.get("/v1/tenants/t_one/balance?known_at=100000").code(), "future_moment");
        server.stop();
        assert_verifies(&store);
    }

    /// C2: `late` is what was recorded since, and takes nothing back that was sealed.
    fn periods_that_are_closed_at_once_know_ever_more(store: Store) {
        let server = Server::start(&store);
        server.client().tenant_with("t_one", "1000");
        let is_over = AtomicBool::new(false);
        let close = |day: u32| {
            let period = json!({"period": format!("2020-01-{day:02}")});
            server.client().post("/v1/periods/close", &period)
        };
        close(1).ok();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let debit = json!({"amount": "0.01", "effective_at": "2019-12-31T12:00:00Z"});
                while !is_over.load(Ordering::Relaxed) {
                    server.client().post("/v1/tenants/t_one/debits", &debit).ok();
                }
            });
            for day in (2..=8).step_by(2) {
                let both = [day, day + 1, day + 1, day + 1, day + 1, day + 1];
                std::thread::scope(|scope| {
                    for day in both {
                        scope.spawn(move || close(day));
                    }
                });
                // Where the second came before the first, it was refused.
                close(day + 1);
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let head = server.client().head();
        let shown = server.client().get(&format!("/v1/periods?at_least={head}")).ok();
        let mut periods = shown["periods"].as_array().expect("a list").clone();
        periods.sort_by_key(|period| period["period"].to_string());
        let known: Vec<u64> = periods.iter().filter_map(|one| one["known_at"].as_u64()).collect();
        assert!(known.len() == 9 && known.is_sorted(), "{known:?}");
        server.stop();
        assert_verifies(&store);
    }

    /// C2: names of meters have no limit, and a period with very many of them is closed as any other.
    fn a_period_of_very_many_meters_is_sealed_in_parts(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.tenant_with("t_one", "1000");
        let debit = |n: u32| json!({
            "operation": "debit", "tenant": "t_one", "idempotency_key": format!("debit-{n}"),
            "request": {
                "amount": "1.5", "meter": format!("{n:0>64}"),
                "effective_at": "2020-01-10T00:00:00Z",
            },
        });
        let debits = serde_json::Value::from_iter((0..600).map(debit)).to_string().into_bytes();
        let debited = client.send("/v1/commands", "application/json", None, debits);
        debited.expect("an answer").ok();
        let close = || client.post_with_key("/v1/periods/close", &json!({"period": "2020-01"}), "k");
        let first = close();
        let closed = first.ok();
        let balances = closed["balances"].as_array().expect("a list");
        assert_eq!(balances.len(), 601, "each meter, and what is available");
        assert!(closed["position"].as_u64() > closed["known_at"].as_u64().map(|at| at + 1), "parts");
        let again = close();
        assert!(again.replayed && again.body == first.body);
        let position = closed["position"].as_u64().expect("a position");
        let shown = client.get(&format!("/v1/periods?at_least={position}")).ok();
        assert_eq!(shown["periods"][0]["balances"], closed["balances"]);
        server.stop();
        assert_verifies(&store);
    }
}
