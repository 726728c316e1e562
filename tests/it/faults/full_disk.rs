//! The disk is full for a while, under a real server.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use super::postgres_outage::wait_until;
use crate::support::client::fresh_key;
use crate::support::preload::compiled;
use crate::support::server::{Server, assert_verifies, free_port, serve};
use crate::support::store::Store;

const DEBITS: &str = "/v1/tenants/t_acme/debits";

#[test]
fn a_full_disk_is_503_and_goes_on_without_a_restart_and_nothing_is_lost_or_doubled() {
    let folder = TempDir::new().expect("a folder");
    let flag = folder.path().join("full");
    let store = Store::sqlite();
    let port = free_port();
    let mut command = serve(port);
    store.give_to(&mut command);
    command.env("LD_PRELOAD", compiled("full_disk/full.c", folder.path()));
    command.env("FULL_FLAG", &flag).env("FULL_FOLDER", store.folder().expect("on SQLite"));
    let server = Server::of(command, port);
    let client = server.client();
    client.tenant_with("t_acme", "1000");
    let one = json!({"amount": "1"});
    client.post(DEBITS, &one).ok();
    assert_eq!(client.balance("t_acme")["available"], "999");

    fs::write(&flag, "").expect("another disk");
    let keys: Vec<String> = (0..8).map(|_| fresh_key()).collect();
    std::thread::scope(|scope| {
        for key in &keys {
            scope.spawn(|| {
                let refused = client.post_with_key(DEBITS, &one, key);
                assert_eq!((refused.status, refused.retry_after), (503, true), "{}", refused.body);
            });
        }
    });
    let away = client.get("/readyz");
    assert_eq!(away.status, 503);
    assert!(away.body.to_lowercase().contains("no space left"), "{}", away.body);
    assert_eq!(client.get("/v1/tenants/t_acme/balance").ok()["available"], "999", "reads go on");

    fs::remove_file(&flag).expect("it is there");
    wait_until(|| client.is_ready());
    for key in &keys {
        client.post_with_key(DEBITS, &one, key).ok();
    }
    assert_eq!(client.balance("t_acme")["available"], "991", "each key has one effect");
    server.stop();
    assert_verifies(&store);
}
