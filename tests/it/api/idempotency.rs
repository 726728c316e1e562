//! `Idempotency-Key`: at most one effect, and the same answer every time.

use serde_json::json;

use super::debits::concurrently;
use crate::support::both_stores;
use crate::support::client::fresh_key;
use crate::support::server::{Server, assert_verifies};

both_stores! {
    fn a_key_has_one_effect_and_one_answer_also_after_kill_9(store: Store) {
        let server = Server::start(&store);
        let port = server.port;
        let client = server.client();
        client.tenant_with("t_key", "10");
        let (path, key) = ("/v1/tenants/t_key/debits", fresh_key());
        let body = json!({"amount": "4", "meter": "chat"});
        let first = client.post_with_key(path, &body, &key);
        assert_eq!((first.status, first.replayed), (201, false), "{}", first.body);
        // Other traffic moves the balance; the stored answer stays what it was.
        client.post(path, &json!({"amount": "1"})).ok();
        let again = client.post_with_key(path, &body, &key);
        assert_eq!((again.status, again.replayed), (201, true));
        assert_eq!(again.body, first.body, "byte for byte");
        let other = client.post_with_key(path, &json!({"amount": "5"}), &key);
        assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));

        server.kill();
        let server = Server::start_on(&store, port);
        let client = server.client();
        let after = client.post_with_key(path, &body, &key);
        assert_eq!((after.status, after.replayed), (201, true));
        assert_eq!(after.body, first.body, "byte for byte, from the journal alone");
        assert_eq!(client.balance("t_key")["available"], "5");
        server.stop();
        assert_verifies(&store);
    }

    fn a_refused_attempt_does_not_use_up_its_key(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.tenant_with("t_topup", "1");
        let (path, key) = ("/v1/tenants/t_topup/debits", fresh_key());
        let body = json!({"amount": "3"});
        assert_eq!(client.post_with_key(path, &body, &key).status, 402);
        assert_eq!(client.post_with_key(path, &body, &key).status, 402);
        client.post("/v1/tenants/t_topup/grants", &json!({"amount": "5"})).ok();
        let paid = client.post_with_key(path, &body, &key);
        assert_eq!((paid.status, paid.replayed), (201, false));
        assert!(client.post_with_key(path, &body, &key).replayed);
        assert_eq!(client.balance("t_topup")["available"], "3");
    }

    fn sixty_four_callers_with_one_key_have_one_effect(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.tenant_with("t_same", "100");
        let (path, key) = ("/v1/tenants/t_same/debits", fresh_key());
        let answers = concurrently(&client, 256, |client, _| {
            client.post_with_key(path, &json!({"amount": "7"}), &key)
        });
        let done: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(!done.is_empty());
        assert!(done.iter().all(|answer| answer.body == done[0].body));
        let in_flight = answers.iter().filter(|answer| answer.status != 201);
        assert!(in_flight.clone().all(|a| a.status == 409 && a.code() == "idempotency_key_in_flight"));
        assert_eq!(client.balance("t_same")["available"], "93");
    }
}
