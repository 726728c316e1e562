//! J6: signed checkpoints over crashes, and over the restore of an older copy of the book.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::cli::prove::{believed, printed, vkeys};
use crate::support::client::Client;
use crate::support::files::copy_files;
use crate::support::server::{Server, assert_verifies, program, run_on};
use crate::support::store::Store;

/// The newest checkpoint, once it covers everything and satisfies the caller.
fn checkpoint(client: &Client, enough: impl Fn(&str) -> bool) -> String {
    let head = client.head().to_string();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let note = client.get("/v1/log/checkpoint").body;
        if note.lines().nth(1) == Some(&head) && enough(&note) {
            return note;
        }
        assert!(Instant::now() < deadline, "not published after a minute: {note}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn debit(client: &Client) -> u64 {
    let done = client.post("/v1/tenants/t_acme/debits", &json!({"amount": "1"})).ok();
    done["position"].as_u64().expect("a position")
}

#[test]
fn what_a_crash_kept_from_being_signed_is_signed_after_it() {
    let store = Store::sqlite();
    let server = Server::start(&store);
    server.client().tenant_with("t_acme", "1000");
    let (mut note, mut server) = (checkpoint(&server.client(), |_| true), Some(server));
    let folder = TempDir::new().expect("a folder");
    let old = folder.path().join("old");
    let vkeys = vkeys(&store.folder().expect("a folder").join("keys"), &[]);
    for _ in 0..5 {
        let running = server.take().expect("it was started");
        let acknowledged = debit(&running.client());
        running.kill();
        fs::write(&old, &note).expect("a file");
        let running = Server::start(&store);
        note = checkpoint(&running.client(), |_| true);
        assert!(believed(&note, &vkeys).size() >= acknowledged);
        let (old, out) = (old.to_str().expect("UTF-8"), folder.path().to_str().expect("UTF-8"));
        printed(&run_on(&store, &["prove", "--consistency", old, "--out", out]));
        server = Some(running);
    }
    let origins = server.expect("it runs").client().get("/v1/checkpoints").ok();
    let origins = origins["checkpoints"].as_array().expect("a list").clone();
    assert!(origins.iter().all(|one| one["origin"] == "quipu.local/main/e1"), "{origins:?}");
}

/// All files of a folder, in place of another's: the keys of a book are in a folder of their own.
fn copy_book(from: &Path, to: &Path) {
    for entry in fs::read_dir(to).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            fs::remove_file(path).expect("it is there");
        }
    }
    copy_files(from, to);
}

/// A running witness, killed when dropped.
struct Witness {
    child: Child,
    url: String,
    vkey: String,
}

impl Witness {
    fn start(folder: &Path, log: &str) -> Witness {
        let keys = folder.to_str().expect("UTF-8");
        let name = ["--name", "witness.example/w1"];
        let child = program()
            .args(["witness", "--listen", "127.0.0.1:0", "--keys", keys, "--log", log])
            .args(name)
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut said = |what: &str| {
            let said = lines
                .by_ref()
                .map_while(Result::ok)
                .find_map(|line| line.split_once(what).map(|(_, rest)| rest.trim().to_owned()));
            said.unwrap_or_else(|| panic!("it does not say {what:?}"))
        };
        let (url, vkey) = (said("listening on "), said("cosigns as "));
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Witness { child, url, vkey }
    }

    fn argument(&self) -> String {
        format!("{}={}", self.url, self.vkey)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_restored_book_begins_a_new_epoch_and_its_witness_lets_nobody_go_back() {
    let (store, folder) = (Store::sqlite(), TempDir::new().expect("a folder"));
    let data = store.folder().expect("a folder").to_owned();
    let backup = folder.path().join("backup");
    let (keys, witness_keys) = (data.join("keys"), folder.path().join("witness"));
    let keys_backup = folder.path().join("keys");
    fs::create_dir(&backup).expect("a folder");
    fs::create_dir(&keys_backup).expect("a folder");
    let generate = ["keys", "--keys", keys.to_str().expect("UTF-8"), "generate"];
    printed(&program().args(generate).output().expect("it runs"));
    let log = vkeys(&keys, &[]).remove(0);
    let witness = Witness::start(&witness_keys, &log);
    let cosigned = |note: &str| note.contains("\u{2014} witness.example/w1 ");

    let serve = |witness: &Witness| Server::start_with(&store, &["--witness", &witness.argument()]);
    let server = serve(&witness);
    server.client().tenant_with("t_acme", "1000");
    checkpoint(&server.client(), cosigned);
    server.stop();
    copy_book(&data, &backup);
    copy_book(&keys, &keys_backup);

    let server = serve(&witness);
    for _ in 0..5 {
        debit(&server.client());
    }
    let lost = checkpoint(&server.client(), cosigned);
    server.stop();

    // An older copy comes back, and the keys know better.
    copy_book(&backup, &data);
    let server = serve(&witness);
    let note = checkpoint(&server.client(), |_| true);
    assert!(note.starts_with("quipu.local/main/e2\n3\n"), "{note}");
    let event = server.client().get("/v1/events?after=2").ok()["events"][0].clone();
    assert_eq!(event["type"], "EpochStarted");
    assert_eq!(
        (&event["data"]["prev_size"], &event["data"]["restored_size"]),
        (&7.into(), &2.into())
    );
    assert_eq!(event["data"]["prev_root"], lost.lines().nth(2).expect("a root"));
    assert_eq!(event["data"]["reason"], "the book has 2 events, and 7 had been signed");
    assert_eq!(event["actor"], "server");
    let keys_now = vkeys(&keys, &[]);
    assert_eq!(keys_now.len(), 2, "the new epoch has a key of its own");
    believed(&note, &keys_now[1..]);
    assert_eq!(note.matches("\u{2014} quipu.local/main/e2 ").count(), 1, "the old key is no more");
    debit(&server.client());
    checkpoint(&server.client(), |note| note.starts_with("quipu.local/main/e2\n"));
    server.stop();
    assert_verifies(&store);
    let old = folder.path().join("old");
    fs::write(&old, &lost).expect("a file");
    let caught = run_on(&store, &["prove", "--consistency", old.to_str().expect("UTF-8")]);
    assert_eq!(caught.status.code(), Some(1), "the lost end is missed");
    // Started again, it is the same epoch.
    let server = serve(&witness);
    assert_eq!(
        server.client().get("/v1/events?after=3").ok()["events"].as_array().map(Vec::len),
        Some(1)
    );
    server.stop();

    // An older copy of book and keys: the book itself cannot know, its witness does.
    copy_book(&backup, &data);
    copy_book(&keys_backup, &keys);
    let server = serve(&witness);
    let note = checkpoint(&server.client(), |_| true);
    assert!(note.starts_with("quipu.local/main/e1\n2\n"), "{note}");
    let back = server.client().get("/v1/proofs/consistency?from=0").body;
    let refused = ureq::Agent::config_builder().http_status_as_error(false).build();
    let refused =
        ureq::Agent::from(refused).post(format!("{}/add-checkpoint", witness.url)).send(back);
    let mut refused = refused.expect("it answers");
    assert_eq!(refused.status().as_u16(), 409);
    assert_eq!(refused.headers()["content-type"], "text/x.tlog.size");
    assert_eq!(refused.body_mut().read_to_string().expect("a text"), "7\n");
}
