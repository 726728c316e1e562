//! A server that has started and does not have its book yet.

use serde_json::json;

use crate::support::both_stores;
use crate::support::client::fresh_key;
use crate::support::server::{Server, assert_verifies};

both_stores! {
    /// It is told what is waited for, and is sent away rather than held up.
    fn whoever_asks_a_server_that_waits_for_its_book_is_told_so(store: Store) {
        let first = Server::start(&store);
        first.client().tenant_with("t_kept", "5");
        let second = Server::start_waiting(&store);
        let (client, debits) = (second.client(), "/v1/tenants/t_kept/debits");
        let (debit, key) = (json!({"amount": "1"}), fresh_key());
        let waiting = [
            client.get("/readyz"),
            client.get("/v1/tenants/t_kept"),
            client.post_with_key(debits, &debit, &key),
        ];
        for answer in waiting {
            assert_eq!(answer.status, 503, "{}", answer.body);
            assert!(answer.retry_after, "{}", answer.body);
            assert_eq!(answer.content_type, "application/problem+json");
            assert_eq!(answer.code(), "book_not_open");
            assert!(answer.body.contains("another program writes to it"), "{}", answer.body);
        }
        assert_eq!(client.get("/livez").status, 200);

        first.stop();
        second.wait_until_ready();
        client.post_with_key(debits, &debit, &key).ok();
        assert_eq!(client.balance("t_kept")["available"], "4");
        second.stop();
        assert_verifies(&store);
    }
}
