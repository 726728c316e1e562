//! Erasure (P1 to P5), by what is on the disk: every file is searched for the texts themselves.

mod world;

use std::fs;
use std::path::{Path, PathBuf};

use quipu_testkit::sqlite;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::usage::{prices, record};
use crate::support::client::{Answer, Client};
use crate::support::files::copy_files;
use world::World;

/// What every personal text of these tests begins with, and nothing else does.
const PLAIN: &str = "Plaintext";

/// A personal text, different for each command.
fn plain(what: &str) -> String {
    format!("{PLAIN} {what} of Erika Mustermann")
}

#[test]
fn an_erased_tenant_is_nowhere_and_everything_still_verifies_on_sqlite() {
    case(&World::on_sqlite());
}

#[test]
fn an_erased_tenant_is_nowhere_and_everything_still_verifies_on_postgres() {
    case(&World::on_postgres());
}

fn case(world: &World) {
    let server = world.serve();
    let client = server.client();
    let created = fill(&client);
    let seen = everything_shown(&client);
    for what in ["name", "rename", "agent", "source", "debit", "refund", "limit", "void"] {
        assert!(seen.contains(&plain(what)), "{what} is shown while its key lives: {seen}");
    }
    // Beside a running server: with its write-ahead log.
    nowhere(world, PLAIN.as_bytes());
    world.stop(server);
    world.leave_everything("before", &created.position);
    nowhere(world, PLAIN.as_bytes());
    let sealed = world.files_with(b"sealed:t_gone:");
    for kind in ["journal", "hledger", "focus", "parquet.rows", "then.db", "proofs", "dump.sql"] {
        let of_kind = |path: &PathBuf| path.to_string_lossy().contains(kind);
        assert!(sealed.iter().any(of_kind), "the search finds what is there: {kind} in {sealed:?}");
    }
    let before = world.verified_root(None);
    let keys = world.store.subject_keys();
    let copy = copy_of(&keys);
    let with_bytes = |file: PathBuf| (file.clone(), fs::read(file).expect("it is there"));
    let secrets: Vec<_> = world.store.key_files("t_gone").into_iter().map(with_bytes).collect();
    for (file, secret) in &secrets {
        assert_eq!(world.files_with(secret), [file.as_path()], "a key is in its file alone");
    }

    let server = world.serve();
    let client = server.client();
    let balance = client.balance("t_gone");
    let reason = json!({"reason": "request 4711"});
    let erased = client.post_with_key("/v1/subjects/t_gone/erase", &reason, "erase-1");
    assert_eq!(erased.ok()["type"], "SubjectErased");
    let again = client.post_with_key("/v1/subjects/t_gone/erase", &reason, "erase-1");
    assert_eq!((again.replayed, &again.body), (true, &erased.body));
    let more = client.post("/v1/subjects/t_gone/erase", &reason);
    assert_eq!((more.status, more.code().as_str()), (409, "nothing_to_erase"));

    let is_erased = |client: &Client| {
        let shown = everything_shown(client);
        assert!(!shown.contains(&format!("{PLAIN} name")), "{shown}");
        assert!(shown.contains("[erased]") && !shown.contains("[unreadable]"), "{shown}");
        assert!(shown.contains("Somebody else"), "other tenants keep their names: {shown}");
        assert_eq!(client.balance("t_gone")["available"], balance["available"]);
    };
    is_erased(&client);
    world.stop(server);
    let is_gone = || {
        nowhere(world, PLAIN.as_bytes());
        for (file, secret) in &secrets {
            assert!(!file.exists());
            nowhere(world, secret);
        }
        world.verified_root(Some(&before));
    };
    world.leave_everything("after", &created.position);
    is_gone();

    // An old copy of the keys that is put back ends with the next start.
    copy_files(copy.path(), &keys);
    let server = world.serve();
    let client = server.client();
    is_erased(&client);
    assert_eq!(client.post("/v1/subjects/t_gone/erase", &reason).code(), "nothing_to_erase");

    // Who comes back is given a new key.
    let renamed = client.post("/v1/tenants/t_gone/rename", &json!({"name": plain("return")})).ok();
    assert_eq!(renamed["name"], plain("return"));
    assert_eq!(created.answer(&client).code(), "idempotency_key_reused", "P3");
    let path = format!("/v1/tenants/t_gone?at_least={}", renamed["position"]);
    assert_eq!(client.get(&path).ok()["name"], plain("return"));
    let verbatim = client.get("/v1/events?tenant=t_gone&type=TenantRenamed").ok();
    let stored = verbatim["events"][1]["data"]["name"].as_str().expect("a text");
    assert!(stored.starts_with("sealed:t_gone:"), "what is stored is what is proved: {stored}");
    world.stop(server);
    is_gone();
}

/// Asserts that no file holds these bytes.
#[track_caller]
fn nowhere(world: &World, wanted: &[u8]) {
    assert_eq!(world.files_with(wanted), [] as [PathBuf; 0]);
}

/// How the tenant was created, to be sent again.
struct Created {
    body: Value,
    position: Value,
}

impl Created {
    fn answer(&self, client: &Client) -> Answer {
        client.post_with_key("/v1/tenants", &self.body, "create-gone")
    }
}

/// One of each command that takes a personal text.
fn fill(client: &Client) -> Created {
    prices(client);
    client.post("/v1/tenants", &json!({"id": "t_kept", "name": "Somebody else"})).ok();
    let body = json!({"id": "t_gone", "name": plain("name")});
    let first = client.post_with_key("/v1/tenants", &body, "create-gone");
    assert_eq!(first.ok()["name"], plain("name"));
    let created = Created { body, position: first.ok()["position"].clone() };
    let again = created.answer(client);
    assert_eq!((again.replayed, &again.body), (true, &first.body));
    let other = json!({"id": "t_gone", "name": plain("other name")});
    let reused = client.post_with_key("/v1/tenants", &other, "create-gone");
    assert_eq!(reused.code(), "idempotency_key_reused");

    let post =
        |path: &str, body: Value| client.post(&format!("/v1/tenants/t_gone{path}"), &body).ok();
    let reason = |what: &str| json!({"reason": plain(what)});
    post("/rename", json!({"name": plain("rename")}));
    post("/agents", json!({"id": "robot", "name": plain("agent")}));
    post("/agents/robot/rename", json!({"name": plain("agent rename")}));
    post("/agents/robot/retire", reason("retire"));
    post("/grants", json!({"amount": "500", "source": plain("source")}));
    let grant = post("/grants", json!({"amount": "5"}))["id"].clone();
    post(&format!("/grants/{}/void", text(&grant)), reason("void"));
    let debit = post("/debits", json!({"amount": "1", "reason": plain("debit")}))["id"].clone();
    post("/refunds", json!({"entry": debit, "amount": "0.5", "reason": plain("refund")}));
    let hold = post("/holds", json!({"amount": "1"}))["id"].clone();
    post(&format!("/holds/{}/release", text(&hold)), reason("release"));
    post("/overdraft-limit", json!({"limit": "10", "reason": plain("limit")}));
    let used = client.post("/v1/usage", &record("t_gone", 1)).ok()["entry"].clone();
    post(&format!("/usage/{}/rate", text(&used)), reason("rate"));
    post(&format!("/usage/{}/void", text(&used)), reason("usage void"));
    post("/freeze", reason("freeze"));
    let frozen = client.post("/v1/tenants/t_gone/debits", &json!({"amount": "1"}));
    assert_eq!(
        (frozen.code().as_str(), &frozen.json()["reason"]),
        ("wallet_frozen", &json!(plain("freeze")))
    );
    post("/unfreeze", reason("unfreeze"));
    // Enough for a snapshot, which holds reasons too.
    post("/freeze", reason("freeze again"));
    for _ in 0..70 {
        post("/grants", json!({"amount": "0.1"}));
    }
    post("/suspend", reason("suspend"));
    created
}

fn text(id: &Value) -> &str {
    id.as_str().expect("an id")
}

/// Everything that is rendered about a tenant.
fn everything_shown(client: &Client) -> String {
    let head = client.head();
    let path =
        |path: &str| format!("{path}{}at_least={head}", if path.contains('?') { "&" } else { "?" });
    [
        "/v1/tenants",
        "/v1/tenants/t_gone",
        "/v1/tenants/t_gone/agents",
        "/v1/tenants/t_gone/balance",
        "/v1/tenants/t_gone/entries?limit=1000",
        "/v1/tenants/t_gone/grants?limit=1000",
        "/v1/audit?limit=1000",
    ]
    .map(|read| client.get(&path(read)).ok().to_string())
    .concat()
}

fn copy_of(folder: &Path) -> TempDir {
    let copy = sqlite::folder();
    copy_files(folder, copy.path());
    copy
}
