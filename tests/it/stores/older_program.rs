//! A program of an older version writes to the book, and a newer one comes.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::json;

use super::plain_sql::sql;
use crate::support::both_stores;
use crate::support::server::{Server, free_port, run_on, serve};

both_stores! {
    fn no_table_is_changed_under_a_server_of_an_older_version(store: Store) {
        let server = Server::start(&store);
        server.client().tenant_with("t_old", "5");
        // As if it did not know the last change of the tables.
        sql(
            &store,
            "delete from refinery_schema_history
             where version = (select max(version) from refinery_schema_history)",
        );
        let applied = || sql(&store, "select count(*) from refinery_schema_history");
        let before = applied();

        let refused = run_on(&store, &["projections", "rebuild"]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(4), "{said}");
        assert!(said.contains("is being written by"), "{said}");

        let mut newer = serve(free_port());
        store.give_to(&mut newer);
        let mut newer = newer.stderr(Stdio::piped()).spawn().expect("it starts");
        let said = BufReader::new(newer.stderr.take().expect("it is piped")).lines();
        let waits = said.map_while(Result::ok).any(|line| line.contains("waiting for it to end"));
        assert!(waits, "it waits, and says so");
        newer.kill().and_then(|()| newer.wait()).expect("it ends");

        assert_eq!(applied(), before, "nothing was changed");
        let debit = json!({ "amount": "1" });
        server.client().post("/v1/tenants/t_old/debits", &debit).ok();
        server.client().balance("t_old");
        server.stop();
    }
}
