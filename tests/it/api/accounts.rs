//! `GET /v1/accounts`: the trial balance.

use serde_json::json;

use crate::support::both_stores;
use crate::support::server::Server;

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
}
