//! `quipu checkpoint`, `prove` and `keys`, whose output is believed by an implementation that is
//! not ours.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use signed_note::{Note, StandardVerifier, VerifierList};
use tempfile::TempDir;
use tlog_tiles::{Checkpoint, Hash, check_record, check_tree, record_hash};

use crate::support::both_stores;
use crate::support::server::{Server, program, run_on};
use crate::support::store::Store;

/// What the program printed when it succeeded.
#[track_caller]
pub(crate) fn printed(output: &Output) -> String {
    let (out, err) = (&output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{err}", String::from_utf8_lossy(out));
    String::from_utf8(out.clone()).expect("UTF-8")
}

/// The verifier keys of a folder of keys.
pub(crate) fn vkeys(keys: &Path, more: &[&str]) -> Vec<String> {
    let keys = keys.to_str().expect("UTF-8");
    let output = program().args(["keys", "--json", "--keys", keys]).args(more).arg("list").output();
    let listed: Value = serde_json::from_str(&printed(&output.expect("it runs"))).expect("JSON");
    let listed = listed.as_array().expect("a list").iter();
    listed.map(|key| key["vkey"].as_str().expect("a vkey").to_owned()).collect()
}

/// The checkpoint of a note, once all of these keys have signed it.
pub(crate) fn believed(note: &str, vkeys: &[String]) -> Checkpoint {
    let note = Note::from_bytes(note.as_bytes()).expect("a signed note");
    for vkey in vkeys {
        let verifier = StandardVerifier::new(vkey).expect("a verifier key");
        note.verify(&VerifierList::new(vec![Box::new(verifier)])).expect("signed by that key");
    }
    Checkpoint::from_bytes(note.text()).expect("a checkpoint")
}

/// Hashes as C2SP's texts have them, one a line.
pub(crate) fn hashes(lines: &[&str]) -> Vec<Hash> {
    lines.iter().map(|line| Hash::parse_hash(line).expect("a hash")).collect()
}

/// Asserts that an event is where its proof says, in a tree that these keys have signed.
fn assert_proved(folder: &Path, position: u64, vkeys: &[String]) {
    let read = |name: String| std::fs::read_to_string(folder.join(name)).expect("it was written");
    let event = read(format!("event-{position}.json"));
    assert_eq!(serde_json::from_str::<Value>(&event).expect("JSON")["position"], position);
    let proof = read(format!("event-{position}.tlog-proof"));
    let (proof, note) = proof.split_once("\n\n").expect("a checkpoint");
    let head = believed(note, vkeys);
    let lines: Vec<&str> = proof.lines().collect();
    assert_eq!(lines[..2], ["c2sp.org/tlog-proof@v1", &format!("index {}", position - 1)]);
    let leaf = record_hash(event.as_bytes());
    check_record(&hashes(&lines[2..]), head.size(), *head.hash(), position - 1, leaf)
        .expect("the event is in the tree");
}

both_stores! {
    fn events_and_checkpoints_are_proved_to_whoever_holds_the_key(store: Store) {
        let folder = TempDir::new().expect("a folder");
        let keys = folder.path().join("keys");
        let server = Server::start_with(&store, &["--keys", keys.to_str().expect("UTF-8")]);
        let client = server.client();
        client.tenant_with("t_acme", "100");
        let (url, out) = (server.url(), folder.path().to_str().expect("UTF-8"));
        let at_server = |arguments: &[&str]| {
            program().args(arguments).args(["--server", &url]).output().expect("it runs")
        };
        // What was written a moment ago is proved as soon as it is signed.
        printed(&at_server(&["prove", "2", "--out", out]));
        let old = printed(&at_server(&["checkpoint"]));
        let (old_file, vkeys) = (folder.path().join("old"), vkeys(&keys, &[]));
        std::fs::write(&old_file, &old).expect("a file");
        assert_eq!(vkeys.len(), 1, "the server made a key");
        assert_proved(folder.path(), 2, &vkeys);
        for _ in 0..20 {
            client.post("/v1/tenants/t_acme/debits", &json!({"amount": "1"})).ok();
        }
        printed(&at_server(&["prove", "22", "--out", out]));
        assert_proved(folder.path(), 22, &vkeys);
        let old_file = old_file.to_str().expect("UTF-8");
        let shown = printed(&at_server(&["prove", "--json", "--consistency", old_file, "--out", out]));
        let shown: Value = serde_json::from_str(&shown).expect("JSON");
        let step = std::fs::read_to_string(shown["files"][0].as_str().expect("a path"));
        let step = step.expect("it was written");
        let (proof, note) = step.split_once("\n\n").expect("a checkpoint");
        let (old, new) = (believed(&old, &vkeys), believed(note, &vkeys));
        let proof: Vec<&str> = proof.lines().skip(1).collect();
        check_tree(&hashes(&proof), new.size(), *new.hash(), old.size(), *old.hash())
            .expect("the new checkpoint continues the old one");

        // Beside the server, from the book itself; and after a rotation, by both keys.
        let rotate = ["keys", "--keys", keys.to_str().expect("UTF-8"), "rotate"];
        printed(&program().args(rotate).output().expect("it runs"));
        client.post("/v1/tenants/t_acme/debits", &json!({"amount": "1"})).ok();
        printed(&at_server(&["prove", "23", "--out", out]));
        assert_eq!(self::vkeys(&keys, &[]).len(), 2);
        assert_proved(folder.path(), 23, &self::vkeys(&keys, &[]));
        let beside = printed(&run_on(&store, &["checkpoint"]));
        assert_eq!(beside, printed(&at_server(&["checkpoint"])));
        std::fs::remove_file(folder.path().join("event-2.tlog-proof")).expect("it is there");
        printed(&run_on(&store, &["prove", "2", "--out", out]));
        assert_proved(folder.path(), 2, &vkeys);
        server.stop();
        assert_eq!(run_on(&store, &["prove", "99"]).status.code(), Some(3));
        // A checkpoint of another book is not continued by this one.
        let forged = beside.replacen("\n23\n", "\n9\n", 1);
        std::fs::write(old_file, forged).expect("a file");
        let refused = run_on(&store, &["prove", "--consistency", old_file, "--out", out]);
        assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    }
}

/// There is no folder beside a database, so one has to be named.
#[test]
fn on_postgres_a_server_without_keys_says_so_once_and_to_whoever_asks() {
    let (store, folder) = (Store::postgres(), TempDir::new().expect("a folder"));
    let server = Server::start(&store);
    server.client().tenant_with("t_acme", "100");
    let url = server.url();
    let refused = |output: Output| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("--keys DIR"), "{said}");
    };
    for verb in [&["checkpoint"][..], &["prove", "2"]] {
        let asked = program().args(verb).args(["--server", &url]).output();
        refused(asked.expect("it runs"));
        refused(run_on(&store, verb));
    }
    let said = server.stop();
    assert_eq!(said.matches("no checkpoint is signed").count(), 1, "{said}");
    assert!(said.contains("--keys DIR"), "{said}");

    let keys = folder.path().join("keys");
    let server = Server::start_with(&store, &["--keys", keys.to_str().expect("UTF-8")]);
    let asked = program().args(["checkpoint", "--server", &server.url()]).output();
    let note = printed(&asked.expect("it runs"));
    assert_eq!(believed(&note, &vkeys(&keys, &[])).size(), 2);
    assert!(!server.stop().contains("no checkpoint is signed"));
}
