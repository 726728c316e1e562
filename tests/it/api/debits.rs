//! `POST /v1/tenants/{id}/debits`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::both_stores;
use crate::support::client::Client;
use crate::support::server::{Server, assert_verifies};

both_stores! {
    /// W4: whatever the concurrency, no more is spent than there is.
    fn a_thousand_concurrent_debits_on_fifty_credits_spend_exactly_fifty(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.tenant_with("t_race", "50");
        let answers = concurrently(&client, 1_000, |client, _| {
            client.post("/v1/tenants/t_race/debits", &json!({"amount": "1"}))
        });
        let mut by_status: BTreeMap<u16, usize> = BTreeMap::new();
        for answer in &answers {
            *by_status.entry(answer.status).or_default() += 1;
        }
        assert_eq!(by_status, BTreeMap::from([(201, 50), (402, 950)]));
        for refusal in answers.iter().filter(|answer| answer.status == 402) {
            let body = refusal.json();
            assert_eq!(body["code"], "insufficient_credits");
            assert_eq!((&body["needed"], &body["available"]), (&json!("1"), &json!("0")));
            assert_eq!(body["held"], json!("0"));
        }
        assert_eq!(client.balance("t_race")["available"], "0");
        let entries = client.get("/v1/tenants/t_race/entries?limit=100").ok();
        assert_eq!(entries["entries"].as_array().expect("a list").len(), 51);
        server.stop();
        assert_verifies(&store);
    }
}

/// Sends `count` requests from 64 threads at once.
pub(super) fn concurrently<T: Send>(
    client: &Client,
    count: usize,
    send: impl Fn(&Client, usize) -> T + Sync,
) -> Vec<T> {
    const THREADS: usize = 64;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|worker| {
                let (client, send) = (client.clone(), &send);
                scope.spawn(move || {
                    let mine = (worker..count).step_by(THREADS);
                    mine.map(|index| send(&client, index)).collect::<Vec<T>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no request panics")).collect()
    })
}
