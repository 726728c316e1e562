//! `GET /v1/accounts`: the trial balance.

use serde_json::json;

use crate::support::both_stores;
use crate::support::server::{Server, assert_verifies};

both_stores! {
    /// M3 bounds an amount, not the sum over all tenants: that one passes 64 bits of micros.
    fn the_trial_balance_holds_more_than_any_amount_may_be(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        for n in 0..12 {
            client.tenant_with(&format!("t_rich{n}"), "1000000000000");
        }
        client.post("/v1/tenants/t_rich3/debits", &json!({"amount": "0.000001"})).ok();
        let head = client.head();
        let trial = client.get(&format!("/v1/accounts?at_least={head}")).ok();
        let balance = |name: &str| {
            let accounts = trial["accounts"].as_array().expect("a list").iter();
            let found = accounts.filter(|account| account["account"] == name);
            found.map(|account| account["balance"].clone()).next()
        };
        assert_eq!(balance("available"), Some(json!("11999999999999.999999")));
        assert_eq!(balance("issued/purchase"), Some(json!("-12000000000000")));
        assert_eq!(trial["sum"], "0");
    }

    /// M3: what one tenant turns over passes 64 bits of micros, too. Each number about it is exact.
    fn what_a_tenant_turns_over_is_more_than_any_amount_may_be(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.tenant_with("t_large", "0.000001");
        let (amount, at) = ("1000000000000", "2020-01-10T12:00:00Z");
        let grant = json!({"amount": amount, "effective_at": at});
        let debit = json!({"amount": amount, "effective_at": at, "meter": "calls"});
        client.post("/v1/tenants/t_large/debits", &json!({"amount": "0.000001"})).ok();
        for _ in 0..40 {
            client.post("/v1/tenants/t_large/grants", &grant).ok();
            client.post("/v1/tenants/t_large/debits", &debit).ok();
        }
        let head = client.head();
        let large = json!("40000000000000");
        for path in ["/v1/accounts", "/v1/tenants/t_large/accounts"] {
            let accounts = client.get(&format!("{path}?at_least={head}")).ok();
            assert_eq!((&accounts["accounts"][2]["balance"], &accounts["sum"]), (&large, &json!("0")));
        }
        let january = "from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z";
        let trial = client.get(&format!("/v1/trial-balance?{january}")).ok();
        assert_eq!(trial["lines"][0]["movement"], large, "{trial}");
        let explained = client.get("/v1/explain/account?account=consumed/calls&tenant=t_large").ok();
        assert_eq!((&explained["figures"]["amount"], explained.get("gaps")), (&large, None));
        let closed = client.post("/v1/periods/close", &json!({"period": "2020-01"})).ok();
        assert_eq!(closed["balances"][0]["closing"], large, "{closed}");
        server.stop();
        assert_verifies(&store);
    }
}
