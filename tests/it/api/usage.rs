//! `POST /v1/usage`: single, batches, CloudEvents, and what is reported from it.

use serde_json::{Value, json};

use crate::support::both_stores;
use crate::support::client::{Client, fresh_key};
use crate::support::server::{Server, assert_verifies};

both_stores! {
    fn a_batch_is_recorded_once_in_order_and_reported(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        prices(&client);
        client.tenant_with("t_use", "1");
        let batch: Vec<Value> = (0..100).map(|n| record("t_use", n)).collect();
        let first = client.post("/v1/usage", &json!(batch));
        assert_eq!((first.status, first.duplicates), (200, Some(0)), "{}", first.body);
        let again = client.post("/v1/usage", &json!(batch));
        assert_eq!((again.status, again.duplicates), (200, Some(100)));
        assert_eq!(again.body, first.body, "U1: the first answer again");
        // 100 x (1,000 input at 2.50 and 100 output at 10.00 per million) = 100 x 0.0035
        assert_eq!(client.balance("t_use")["available"], "0.65");

        let mut changed = record("t_use", 7);
        changed["output"] = json!(101);
        let reused = client.post("/v1/usage", &changed);
        assert_eq!((reused.status, reused.code().as_str()), (422, "usage_id_reused"));

        let report = client.get("/v1/tenants/t_use/usage?group_by=model&window=month").ok();
        let row = &report["usage"][0];
        assert_eq!((&row["records"], &row["cost"]), (&json!(100), &json!("0.35")), "{report}");
        server.stop();
        assert_verifies(&store);
    }

    fn an_atomic_batch_is_all_or_nothing_and_a_plain_one_is_per_item(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        prices(&client);
        // Enough for two records of 0.0035 each.
        client.tenant_with("t_poor", "0.0075");
        let batch: Vec<Value> = (0..3).map(|n| record("t_poor", n)).collect();
        let before = client.head();
        let atomic = client.post("/v1/usage?atomic=true", &json!(batch));
        assert_eq!((atomic.status, atomic.code().as_str()), (402, "insufficient_credits"));
        assert_eq!(atomic.json()["index"], 2);
        assert_eq!(client.head(), before, "nothing of it is in the journal");
        let plain = client.post("/v1/usage", &json!(batch));
        assert_eq!(plain.status, 207);
        let statuses: Vec<_> = plain.json()["results"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|result| result["status"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(statuses, ["recorded", "recorded", "refused"]);
        assert_eq!(client.balance("t_poor")["available"], "0.0005");
        server.stop();
        assert_verifies(&store);
    }

    fn a_cloud_event_is_the_same_record_as_plain_json(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        prices(&client);
        client.tenant_with("t_cloud", "1");
        let event = json!({
            "specversion": "1.0", "id": "run-1", "source": "gateway", "type": "llm_tokens",
            "subject": "t_cloud", "time": "2026-01-15T10:00:00Z",
            "data": {"input": 1_000_000, "output": 0, "model": "small"}
        });
        let send = |kind: &str, body: &Value| {
            client
                .send("/v1/usage", kind, Some(&fresh_key()), body.to_string().into_bytes())
                .expect("an answer")
        };
        assert_eq!(send("application/cloudevents+json", &event).status, 402, "2.50 is too much");
        client.post("/v1/tenants/t_cloud/grants", &json!({"amount": "9"})).ok();
        assert_eq!(send("application/cloudevents+json", &event).status, 200);
        let batch = send("application/cloudevents-batch+json", &json!([event]));
        assert_eq!((batch.status, batch.duplicates), (200, Some(1)));
        assert_eq!(client.balance("t_cloud")["available"], "7.5");
    }
}

/// A meter `llm_tokens` and one model, `small`: 2.50 in and 10.00 out per million tokens.
pub(crate) fn prices(client: &Client) {
    let since = "2020-01-01T00:00:00Z";
    let models = json!({"small": {"input": "2.50", "output": "10.00"}});
    let publish = json!({"effective_at": since, "models": models});
    client.post("/v1/price-tables/test/prices", &publish).ok();
    let define = json!({"name": "llm_tokens", "aggregation": "sum", "unit": "token"});
    client.post("/v1/meters", &define).ok();
    let price = json!({"model": "tokens", "price_table": "test"});
    let price = json!({"effective_at": since, "price": price});
    client.post("/v1/meters/llm_tokens/prices", &price).ok();
}

/// A record of 1,000 tokens in and 100 out.
pub(crate) fn record(tenant: &str, number: usize) -> Value {
    json!({
        "tenant": tenant, "meter": "llm_tokens", "model": "small", "agent": "writer",
        "input": 1000, "output": 100, "occurred_at": "2026-01-15T10:00:00Z",
        "source": "test", "id": format!("r{number}")
    })
}
