//! J6: signed checkpoints over crashes, and over the restore of an older copy of the book.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tlog_tiles::check_tree;

use super::kill_during_import::Random;
use crate::cli::prove::{believed, hashes, printed, vkeys};
use crate::stores::plain_sql::sql;
use crate::support::both_stores;
use crate::support::client::{Client, fresh_key};
use crate::support::files::copy_files;
use crate::support::server::{Server, assert_verifies, program, refused_start, run_on};
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

both_stores! {
    fn what_a_crash_kept_from_being_signed_is_signed_after_it(store: Store) {
        let folder = TempDir::new().expect("a folder");
        let keys = folder.path().join("keys");
        let signing = ["--keys", keys.to_str().expect("UTF-8")];
        let server = Server::start_with(&store, &signing);
        server.client().tenant_with("t_acme", "1000");
        let (mut note, mut server) = (checkpoint(&server.client(), |_| true), Some(server));
        let old = folder.path().join("old");
        let vkeys = vkeys(&keys, &[]);
        for _ in 0..5 {
            let running = server.take().expect("it was started");
            let acknowledged = debit(&running.client());
            running.kill();
            fs::write(&old, &note).expect("a file");
            let running = Server::start_with(&store, &signing);
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

    /// Whatever anybody was given while it was written to, the book leads to after each crash.
    fn every_checkpoint_given_out_under_load_is_continued_after_each_kill(store: Store) {
        let folder = TempDir::new().expect("a folder");
        let keys = folder.path().join("keys");
        let signing = ["--keys", keys.to_str().expect("UTF-8")];
        let mut server = Server::start_with(&store, &signing);
        server.client().tenant_with("t_acme", "1000000");
        checkpoint(&server.client(), |_| true);
        let vkeys = vkeys(&keys, &[]);
        let mut random = Random(0x51_6E);
        let given = Given::default();
        for _ in 0..6 {
            let client = server.client();
            let pause = Duration::from_millis(random.below(1_100));
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| given.debit_until_killed(&client));
                }
                scope.spawn(|| given.keep_until_killed(&client));
                given.wait_for_another();
                std::thread::sleep(pause);
                server.kill();
            });
            server = Server::start_with(&store, &signing);
            let client = server.client();
            let newest = believed(&checkpoint(&client, |_| true), &vkeys);
            assert!(newest.size() >= given.acknowledged.load(Ordering::Relaxed));
            for (size, note) in given.checkpoints.lock().expect("nobody panicked").iter() {
                let old = believed(note, &vkeys);
                let step = client.get(&format!("/v1/proofs/consistency?from={size}")).body;
                let (proof, note) = step.split_once("\n\n").expect("a checkpoint");
                let new = believed(note, &vkeys);
                let proof: Vec<&str> = proof.lines().skip(1).collect();
                check_tree(&hashes(&proof), new.size(), *new.hash(), old.size(), *old.hash())
                    .expect("the book leads to what was given out");
            }
        }
        let listed = listed(&server.client());
        server.stop();
        let given = given.checkpoints.into_inner().expect("nobody panicked");
        assert!(given.len() >= 6, "one at least between two kills");
        for note in given.values() {
            assert!(listed.contains(note), "what was given out is kept: {note}");
        }
        assert_verifies(&store);
    }

    fn the_keys_of_one_book_sign_no_other(store: Store) {
        let folder = TempDir::new().expect("a folder");
        let keys = folder.path().join("keys");
        let signing = ["--keys", keys.to_str().expect("UTF-8")];
        let server = Server::start_with(&store, &signing);
        server.client().tenant_with("t_acme", "1000");
        let note = checkpoint(&server.client(), |_| true);
        let refuses = |book: &Store| {
            let refused = refused_start(book, &signing);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(refused.status.code(), Some(5), "{said}");
            assert!(said.contains("belong to another book"), "{said}");
            assert!(said.contains("name its folder with --keys"), "{said}");
        };
        refuses(&Store::sqlite());
        // A measurement makes a book of its own, whatever the environment says of another one's keys.
        let other = Store::sqlite();
        let mut measure = program();
        measure.args(["bench", "hot", "--seconds", "1", "--warm-up", "0", "--connections", "1"]);
        other.give_to(&mut measure);
        let measured = measure.env("QUIPU_KEYS", &keys).output().expect("it runs");
        assert!(measured.status.success(), "{}", String::from_utf8_lossy(&measured.stderr));
        refuses(&other);
        let verified = run_on(&other, &["verify", signing[0], signing[1]]);
        assert_eq!(verified.status.code(), Some(1), "it is not the book that was signed");
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(said.contains("where --keys is not wrong, this is not the book"), "{said}");
        server.stop();
        let server = Server::start_with(&store, &signing);
        assert_eq!(checkpoint(&server.client(), |_| true), note, "nothing was signed meanwhile");
        server.stop();
        assert_verifies(&store);
    }

    fn a_restored_book_begins_a_new_epoch_and_its_witness_lets_nobody_go_back(store: Store) {
        let folder = TempDir::new().expect("a folder");
        let [keys, keys_backup, witness_keys] =
            ["keys", "keys-backup", "witness"].map(|name| folder.path().join(name));
        let signing = ["--keys", keys.to_str().expect("UTF-8")];
        printed(&program().args(["keys", signing[0], signing[1], "generate"]).output().expect("it runs"));
        let log = vkeys(&keys, &[]).remove(0);
        let witness = Witness::start(&witness_keys, &log);
        let cosigned = |note: &str| note.contains("\u{2014} witness.example/w1 ");

        let serve = |witness: &Witness| {
            Server::start_with(&store, &[&signing[..], &["--witness", &witness.argument()]].concat())
        };
        let server = serve(&witness);
        server.client().tenant_with("t_acme", "1000");
        let kept = checkpoint(&server.client(), cosigned);
        server.stop();
        let backup = Backup::of(&store);
        copy_files(&keys, &keys_backup);

        let server = serve(&witness);
        for _ in 0..5 {
            debit(&server.client());
        }
        let lost = checkpoint(&server.client(), cosigned);
        server.stop();

        // An older copy comes back, and the keys know better.
        backup.restore(&store);
        let server = serve(&witness);
        let note = checkpoint(&server.client(), |_| true);
        assert!(note.starts_with("quipu.local/main/e2\n3\n"), "{note}");
        let words = "the book has 2 events, and 7 had been signed: a new epoch begins";
        assert!(server.said().contains(words), "{}", server.said());
        assert!(listed(&server.client()).contains(&kept), "what was signed before is kept");
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
        believed(&kept, &vkeys(&keys, &["--epoch", "1"])[..1]);
        debit(&server.client());
        checkpoint(&server.client(), |note| note.starts_with("quipu.local/main/e2\n"));
        server.stop();
        assert_verifies(&store);
        let old = folder.path().join("old");
        fs::write(&old, &lost).expect("a file");
        let caught = run_on(&store, &["prove", "--consistency", old.to_str().expect("UTF-8")]);
        assert_eq!(caught.status.code(), Some(1), "the lost end is missed");
        let verdict = String::from_utf8_lossy(&caught.stderr);
        let words = "signed 4 events as quipu.local/main/e2, and the checkpoint has 7: its end is missing";
        assert!(verdict.contains(words), "{verdict}");
        // Started again, it is the same epoch.
        let server = serve(&witness);
        assert_eq!(
            server.client().get("/v1/events?after=3").ok()["events"].as_array().map(Vec::len),
            Some(1)
        );
        server.stop();

        // An older copy of book and keys: the book itself cannot know, its witness does.
        backup.restore(&store);
        fs::remove_dir_all(&keys).expect("it is there");
        copy_files(&keys_backup, &keys);
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
}

/// The file of the journal alone comes back from a backup. What the server then says to do, works.
#[test]
fn views_of_more_than_an_older_journal_are_rebuilt_from_it() {
    let store = Store::sqlite();
    let Store::Sqlite(data) = &store else { panic!("it is files") };
    let server = Server::start(&store);
    server.client().tenant_with("t_acme", "1000");
    server.stop();
    let (journal, backup) = (data.path().join("journal.db"), TempDir::new().expect("a folder"));
    fs::copy(&journal, backup.path().join("journal.db")).expect("it is there");
    let server = Server::start(&store);
    for _ in 0..3 {
        debit(&server.client());
    }
    server.stop();
    fs::copy(backup.path().join("journal.db"), &journal).expect("it is there");
    let refused = refused_start(&store, &[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("the end of the journal is missing"), "{said}");
    assert!(said.contains("`quipu projections rebuild`"), "{said}");
    let rebuilt = run_on(&store, &["projections", "rebuild"]);
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    let server = Server::start(&store);
    let balance = server.client().get("/v1/tenants/t_acme/balance").ok();
    assert_eq!(balance["available"], "1000");
    assert_eq!(server.client().get("/v1/events?after=2").ok()["events"][0]["type"], "EpochStarted");
    server.stop();
    assert_verifies(&store);
}

/// Views are files of their own, and an operator may put back any of them.
#[test]
fn views_of_another_history_are_not_served() {
    let store = Store::sqlite();
    let Store::Sqlite(data) = &store else { panic!("it is files") };
    let backup = TempDir::new().expect("a folder");
    let [journal, views] = ["journal.db", "views.db"].map(|name| data.path().join(name));
    let [old_journal, lost_views] = ["old", "lost"].map(|name| backup.path().join(name));
    let refused = |why: &str| {
        let refused = refused_start(&store, &[]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(5), "{said}");
        assert!(said.contains(why) && said.contains("`quipu projections rebuild`"), "{said}");
    };
    let rebuild = |more: &[&str]| {
        let rebuilt = run_on(&store, &[&["projections", "rebuild"], more].concat());
        assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    };
    let server = Server::start(&store);
    server.client().tenant_with("t_acme", "1000");
    server.stop();
    fs::copy(&journal, &old_journal).expect("it is there");
    let server = Server::start(&store);
    for _ in 0..3 {
        debit(&server.client());
    }
    server.stop();
    fs::copy(&views, &lost_views).expect("it is there");
    fs::copy(&old_journal, &journal).expect("it is there");

    // One view that is made anew does not speak for the others.
    rebuild(&["balances"]);
    refused("the end of the journal is missing");
    rebuild(&[]);
    let server = Server::start(&store);
    let grant = json!({"amount": "10"});
    for _ in 0..6 {
        server.client().post("/v1/tenants/t_acme/grants", &grant).ok();
    }
    server.stop();

    // They are of fewer events than the journal has, and of others.
    fs::copy(&lost_views, &views).expect("it is there");
    refused("was made from another history");
    rebuild(&[]);
    let server = Server::start(&store);
    assert_eq!(server.client().balance("t_acme")["available"], "1060");
    server.stop();
    assert_verifies(&store);
}

/// What callers were given by a server, whatever became of it.
#[derive(Default)]
struct Given {
    /// By size.
    checkpoints: Mutex<BTreeMap<u64, String>>,
    /// The last position that was acknowledged.
    acknowledged: AtomicU64,
}

impl Given {
    fn debit_until_killed(&self, client: &Client) {
        let debit = json!({"amount": "1"});
        while let Ok(done) = client.try_post("/v1/tenants/t_acme/debits", &debit, &fresh_key()) {
            let position = done.ok()["position"].as_u64().expect("a position");
            self.acknowledged.fetch_max(position, Ordering::Relaxed);
        }
    }

    fn keep_until_killed(&self, client: &Client) {
        while let Ok(note) = client.try_get("/v1/log/checkpoint") {
            let size = note.body.lines().nth(1).expect("a size").parse().expect("a number");
            self.checkpoints.lock().expect("nobody panics").insert(size, note.body);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until one more checkpoint was given out.
    fn wait_for_another(&self) {
        let count = || self.checkpoints.lock().expect("nobody panics").len();
        let (before, deadline) = (count(), Instant::now() + Duration::from_secs(60));
        while count() == before {
            assert!(Instant::now() < deadline, "nothing is published under load");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Every checkpoint that a book has published, by its server.
fn listed(client: &Client) -> Vec<String> {
    let listed = client.get("/v1/checkpoints?limit=1000").ok();
    let listed = listed["checkpoints"].as_array().expect("a list").iter();
    listed.map(|one| one["checkpoint"].as_str().expect("a note").to_owned()).collect()
}

/// A copy of a book's files or database, made while nobody writes; without its keys.
enum Backup {
    Files(TempDir),
    /// The name of the database that is the copy.
    Database(String),
}

impl Backup {
    fn of(store: &Store) -> Backup {
        match store {
            Store::Sqlite(data) => {
                let copy = TempDir::new().expect("a folder");
                copy_files(data.path(), copy.path());
                Backup::Files(copy)
            }
            Store::Postgres(_) => {
                let (beside, name) = beside(store);
                sql(&beside, &format!("create database {name}_backup template {name}"));
                Backup::Database(format!("{name}_backup"))
            }
        }
    }

    /// Puts it in the place of what there is.
    fn restore(&self, store: &Store) {
        match (self, store) {
            (Backup::Files(copy), Store::Sqlite(data)) => {
                for entry in fs::read_dir(data).expect("a folder") {
                    fs::remove_file(entry.expect("an entry").path()).expect("it is there");
                }
                copy_files(copy.path(), data.path());
            }
            (Backup::Database(copy), store) => {
                let (beside, name) = beside(store);
                sql(&beside, &format!("drop database {name}"));
                sql(&beside, &format!("create database {name} template {copy}"));
            }
            (Backup::Files(_), Store::Postgres(_)) => panic!("a copy of another engine"),
        }
    }
}

/// Another database of the same server, and the name of a store's own.
fn beside(store: &Store) -> (Store, String) {
    let Store::Postgres(url) = store else { panic!("only PostgreSQL has databases") };
    let (server, database) = url.rsplit_once("@/").expect("a URL of the testkit");
    let (name, socket) = database.split_once('?').expect("a URL of the testkit");
    (Store::Postgres(format!("{server}@/postgres?{socket}")), name.to_owned())
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
