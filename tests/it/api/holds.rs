//! `POST /v1/tenants/{id}/holds` and what becomes of a hold.

use serde_json::json;

use super::debits::concurrently;
use crate::support::both_stores;
use crate::support::server::{Server, assert_verifies};

both_stores! {
    /// W6: a reservation is a reservation for everybody.
    fn twenty_concurrent_holds_of_75_on_500_grant_exactly_six(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.tenant_with("t_holds", "500");
        let answers = concurrently(&client, 20, |client, _| {
            client.post("/v1/tenants/t_holds/holds", &json!({"amount": "75", "ttl_seconds": 600}))
        });
        let placed: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(placed.len(), 6);
        assert!(answers.iter().all(|a| a.status == 201 || a.code() == "insufficient_credits"));
        let balance = client.balance("t_holds");
        assert_eq!((&balance["available"], &balance["held"]), (&json!("50"), &json!("450")));

        // Settled for less, for more, and released: what is left is what was not charged.
        let hold = |index: usize| placed[index].json()["hold"].as_str().expect("an id").to_owned();
        let path = |index: usize, verb: &str| format!("/v1/tenants/t_holds/holds/{}/{verb}", hold(index));
        client.post(&path(0, "settle"), &json!({"amount": "20.5"})).ok();
        client.post(&path(1, "settle"), &json!({"amount": "80"})).ok();
        client.post(&path(2, "release"), &json!({})).ok();
        let twice = client.post(&path(0, "settle"), &json!({"amount": "1"}));
        assert_eq!((twice.status, twice.code().as_str()), (409, "hold_ended"));
        let balance = client.balance("t_holds");
        assert_eq!(balance["held"], "225");
        assert_eq!(balance["available"], "174.5", "500 - 20.5 - 80 - 225");
        server.stop();
        assert_verifies(&store);
    }
}
