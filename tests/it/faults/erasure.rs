//! Erasure (P4) when something goes wrong: a crash before the key is gone, a folder of keys that is
//! another book's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::both_stores;
use crate::support::client::Client;
use crate::support::server::{Server, assert_verifies, refused_start};

both_stores! {
    /// The server is held where it is about to open the key's file, and killed there.
    fn a_kill_between_an_erasure_and_its_key_ends_with_the_next_start(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        client.post("/v1/tenants", &json!({"id": "t_gone", "name": "Erika Mustermann"})).ok();
        client.tenant_with("t_kept", "5");
        let Ok([key]) = <[_; 1]>::try_from(store.key_files("t_gone")) else { panic!("one key") };
        let bytes = fs::read(&key).expect("it is there");
        let barred = Barred::bar(&key);
        let erase = |server: &Server| {
            let (client, reason) = (server.client(), json!({"reason": "request 4711"}));
            move || client.try_post("/v1/subjects/t_gone/erase", &reason, "erase-1")
        };
        let unanswered = std::thread::spawn(erase(&server));
        wait_for_erasure(&server);
        assert_eq!(name(&client, "t_gone"), "[erased]");
        server.kill();
        if let Ok(answer) = unanswered.join().expect("it ends") {
            assert_eq!(answer.code(), "outcome_unknown", "nobody was told that it was done");
        }
        barred.free();
        assert_eq!(fs::read(&key).expect("it is there"), bytes, "the crash came first");

        let server = Server::start(&store);
        assert!(!key.exists(), "a server that answers has destroyed it");
        let client = server.client();
        assert_eq!(name(&client, "t_gone"), "[erased]");
        assert_eq!(name(&client, "t_kept"), "t_kept");
        let again = erase(&server)().expect("an answer");
        assert!(again.replayed && again.ok()["type"] == "SubjectErased", "{}", again.body);
        server.stop();
        assert_verifies(&store);
    }

    /// P4: for a while the server has no key of the subject, because it was started on another
    /// folder, and then the right one comes back.
    fn an_erasure_reaches_the_keys_of_every_folder_that_was_served_with(store: Store) {
        let missing = "is --subject-keys right?";
        let server = Server::start(&store);
        server.client().post("/v1/tenants", &json!({"id": "t_gone", "name": "Erika Mustermann"})).ok();
        server.client().tenant_with("t_kept", "5");
        assert!(!server.stop().contains(missing));

        let wrong = tempfile::TempDir::new().expect("the system's folder can be written to");
        let more = ["--subject-keys", wrong.path().to_str().expect("UTF-8")];
        let server = Server::start_with(&store, &more);
        let client = server.client();
        assert_eq!(name(&client, "t_gone"), "[unreadable]");
        let renamed = json!({"name": "Erika Musterfrau"});
        client.post("/v1/tenants/t_gone/rename", &renamed).ok();
        let reason = json!({"reason": "request 4711"});
        let erased = client.post("/v1/subjects/t_gone/erase", &reason).ok();
        assert_eq!(erased["keys"].as_array().map(Vec::len), Some(2), "{erased}");
        let log = server.stop();
        assert!(log.contains(missing), "{log}");

        let server = Server::start(&store);
        let client = server.client();
        assert_eq!(name(&client, "t_gone"), "[erased]");
        let shown = client.get("/v1/audit?limit=1000").ok().to_string();
        assert!(!shown.contains("Erika") && !shown.contains("[unreadable]"), "{shown}");
        assert_eq!(name(&client, "t_kept"), "t_kept");
        assert_eq!(client.post("/v1/subjects/t_gone/erase", &reason).code(), "nothing_to_erase");
        let log = server.stop();
        assert!(!log.contains(missing), "{log}");
        assert_verifies(&store);
    }

    /// P3: a new server reads the folder of keys before the old one has let the book go, which makes
    /// keys until then. A retry of what was done under them is no other request.
    fn a_server_that_waited_knows_what_the_one_before_it_sealed(store: Store) {
        let old = Server::start(&store);
        let new = Server::start_waiting(&store);
        let client = old.client();
        let name = json!({"id": "t_roll", "name": "Erika Mustermann"});
        let debit = json!({"amount": "4", "reason": "Erika Mustermann"});
        let (tenants, debits) = ("/v1/tenants", "/v1/tenants/t_roll/debits");
        let created = client.post_with_key(tenants, &name, "create");
        client.post("/v1/tenants/t_roll/grants", &json!({"amount": "5"})).ok();
        let debited = client.post_with_key(debits, &debit, "debit");
        old.stop();

        new.wait_until_ready();
        let client = new.client();
        for (path, body, key, first) in
            [(tenants, &name, "create", &created), (debits, &debit, "debit", &debited)]
        {
            let again = client.post_with_key(path, body, key);
            assert!(again.replayed && again.body == first.body, "{}", again.body);
        }
        assert_eq!(client.balance("t_roll")["available"], "1");
        client.post_with_key(debits, &json!({"amount": "1", "reason": "the rest"}), "rest").ok();
        assert_eq!(store.key_files("t_roll").len(), 1, "no second key");
        new.stop();
        assert_verifies(&store);
    }

    /// P1: two books in one folder would seal under each other's keys.
    fn two_books_do_not_share_a_folder_of_keys(store: Store) {
        let server = Server::start(&store);
        server.client().tenant_with("t_one", "5");
        server.stop();
        let folder = store.subject_keys();
        let folder = folder.to_str().expect("UTF-8");
        let another = store.another();
        let refused = |why: &str| {
            let output = refused_start(&another, &["--subject-keys", folder]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(5), "{said}");
            assert!(said.contains(why) && said.contains("--subject-keys"), "{said}");
        };
        refused("belong to another book");
        // With keys of its own it is served; with those of the first book, still not.
        let server = Server::start(&another);
        server.client().tenant_with("t_two", "5");
        server.stop();
        refused("belong to another book");
        // A folder from before folders were marked is taken by the book that comes first.
        fs::remove_file(store.subject_keys().join("book")).expect("it was marked");
        let server = Server::start(&store);
        assert_eq!(name(&server.client(), "t_one"), "t_one");
        server.stop();
        refused("belong to another book");
    }

    /// Both would seal before either has an event to be known by.
    fn two_empty_books_do_not_share_a_folder_of_keys(store: Store) {
        let server = Server::start(&store);
        let folder = store.subject_keys();
        let another = store.another();
        let more = ["--subject-keys", folder.to_str().expect("UTF-8")];
        let output = refused_start(&another, &more);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains("has no event yet") && said.contains("--subject-keys"), "{said}");
        server.client().tenant_with("t_one", "5");
        server.kill();
        let server = Server::start(&store);
        assert_eq!(name(&server.client(), "t_one"), "t_one");
        server.stop();
    }
}

/// What a tenant is called, as of everything that is in the journal now.
fn name(client: &Client, tenant: &str) -> Value {
    let head = client.head();
    client.get(&format!("/v1/tenants/{tenant}?at_least={head}")).ok()["name"].clone()
}

fn wait_for_erasure(server: &Server) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !server.client().get("/v1/events?type=SubjectErased").body.contains("request 4711") {
        assert!(Instant::now() < deadline, "not recorded after a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A key's file moved away, and a pipe that nobody reads in its place: whoever opens that to write
/// waits for ever.
struct Barred {
    place: PathBuf,
    aside: PathBuf,
}

impl Barred {
    fn bar(key: &Path) -> Barred {
        let mut aside = key.as_os_str().to_owned();
        aside.push(".aside");
        let barred = Barred { place: key.to_owned(), aside: aside.into() };
        fs::rename(&barred.place, &barred.aside).expect("it is there");
        let made = Command::new("mkfifo").arg(&barred.place).status().expect("mkfifo runs");
        assert!(made.success());
        barred
    }

    /// Puts the file back, untouched.
    fn free(self) {
        fs::rename(&self.aside, &self.place).expect("it is there");
    }
}
