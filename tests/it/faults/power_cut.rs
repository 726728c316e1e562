//! The power goes at a random moment. What `kill -9` cannot show: there the system still writes
//! what the process did not sync.
//!
//! A real server runs while `trace.c` writes down what it does to its files. Then, for many
//! moments, a disk is made as it may be found after that moment, and a server is started on it.

mod disk;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quipu_journal::Root;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::disk::{Promise, Trace};
use super::kill_during_import::Random;
use crate::cli::prove::{believed, vkeys};
use crate::support::client::{Client, fresh_key};
use crate::support::preload::compiled;
use crate::support::server::{Server, free_port, program, serve};

const CUTS: usize = 60;
/// A server is started on at least so many of them; `quipu verify` looks at all with a book.
const STARTS: usize = 12;
/// Debits of each caller: enough for SQLite's log to be moved into the file several times.
const TURNS: usize = 300;
/// Of all tenants: sealed, each under a key of its own.
const NAME: &str = "Erika Mustermann";

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    let run = Run::record();
    let mut random = Random(0x9_0BE7);
    for cut in 0..CUTS {
        let records = run.moment(&mut random);
        let found = Found::after(&run, records, Promise::Kept, &mut random);
        let lost = |why| panic!("after {records} of {} records: {why}", run.trace.len());
        found.verify(&run).unwrap_or_else(lost);
        if cut % (CUTS / STARTS) == 0 || found.acknowledged.is_empty() {
            found.go_on();
            found.verify(&run).unwrap_or_else(lost);
        }
    }

    // The same moments with a disk that does not keep its word: this test can fail.
    let mut random = Random(0x9_0BE7);
    let lost = (0..CUTS).filter(|_| {
        let records = run.moment(&mut random);
        Found::after(&run, records, Promise::BrokenForLogs, &mut random).verify(&run).is_err()
    });
    assert!(lost.count() > CUTS / 4, "what was never synced is missed");
}

/// What a server did, and what it said it had done.
struct Run {
    trace: Trace,
    acknowledged: Vec<Acknowledged>,
    checkpoints: Vec<Checkpoint>,
    vkeys: Vec<String>,
}

struct Acknowledged {
    path: String,
    body: Value,
    key: String,
    answer: String,
    /// How long the trace was when the answer had come.
    length: u64,
}

/// A checkpoint that somebody was given.
struct Checkpoint {
    note: String,
    length: u64,
}

impl Acknowledged {
    /// Whom it erased.
    fn erased(&self) -> Option<&str> {
        self.path.strip_prefix("/v1/subjects/")?.strip_suffix("/erase")
    }
}

impl Run {
    fn record() -> Run {
        let folder = TempDir::new().expect("a folder");
        let place = folder.path().canonicalize().expect("it is there");
        let (disk, trace) = (place.join("disk"), place.join("trace"));
        std::fs::create_dir(&disk).expect("a folder");
        let port = free_port();
        let mut command = serve_from(&disk, port);
        command.env("LD_PRELOAD", compiled("power_cut/trace.c", &place));
        command.env("TRACE_FILE", &trace).env("TRACE_FOLDER", &disk);
        let server = Server::of(command, port);
        let recorder =
            Recorder { client: server.client(), trace: &trace, done: AtomicBool::new(false) };
        let (acknowledged, checkpoints) = recorder.work();
        server.kill();
        let vkeys = vkeys(&disk.join("keys"), &[]);
        Run { trace: Trace::read(&trace, &disk), acknowledged, checkpoints, vkeys }
    }

    /// After how many records the power goes: while the book is made, as soon as an answer is out,
    /// or anywhere.
    fn moment(&self, random: &mut Random) -> usize {
        let answered = |index: usize| self.trace.records_within(self.acknowledged[index].length);
        match random.below(3) {
            0 => random.index(answered(0)),
            1 => answered(random.index(self.acknowledged.len())),
            _ => random.index(self.trace.len()),
        }
    }
}

struct Recorder<'a> {
    client: Client,
    trace: &'a Path,
    done: AtomicBool,
}

impl Recorder<'_> {
    /// Some callers at a time, so that commits are shared, and somebody who keeps checkpoints.
    fn work(&self) -> (Vec<Acknowledged>, Vec<Checkpoint>) {
        let acknowledged = Mutex::new(Vec::new());
        let checkpoints = std::thread::scope(|scope| {
            let keeper = scope.spawn(|| self.keep_checkpoints());
            let post = |path: &str, body: Value| {
                acknowledged.lock().expect("nobody panicked").push(self.post(path, body));
            };
            post("/v1/tenants", json!({"id": "t_acme", "name": NAME}));
            post("/v1/tenants/t_acme/grants", json!({"amount": "1000000"}));
            let callers: Vec<_> = (0..3)
                .map(|caller| {
                    scope.spawn(move || {
                        for turn in 0..TURNS {
                            let id = format!("t_{caller}_{}", turn / 10);
                            match turn % 10 {
                                0 => post("/v1/tenants", json!({"id": id, "name": NAME})),
                                // Every second one is erased again.
                                5 if turn % 20 == 5 => {
                                    post(
                                        &format!("/v1/subjects/{id}/erase"),
                                        json!({"reason": "asked"}),
                                    );
                                }
                                _ => post("/v1/tenants/t_acme/debits", json!({"amount": "1"})),
                            }
                        }
                    })
                })
                .collect();
            callers.into_iter().for_each(|caller| caller.join().expect("all were answered"));
            self.done.store(true, Ordering::Relaxed);
            keeper.join().expect("it has ended")
        });
        (acknowledged.into_inner().expect("nobody panicked"), checkpoints)
    }

    fn post(&self, path: &str, body: Value) -> Acknowledged {
        let key = fresh_key();
        let answer = self.client.post_with_key(path, &body, &key);
        let length = self.length();
        answer.ok();
        Acknowledged { path: path.to_owned(), body, key, answer: answer.body, length }
    }

    fn keep_checkpoints(&self) -> Vec<Checkpoint> {
        let mut kept = Vec::<Checkpoint>::new();
        // They are published once a second.
        while kept.is_empty() || !self.done.load(Ordering::Relaxed) {
            let answer = self.client.get("/v1/log/checkpoint");
            let length = self.length();
            let is_new = kept.last().is_none_or(|last| last.note != answer.body);
            if answer.status == 200 && is_new {
                kept.push(Checkpoint { note: answer.body, length });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        kept
    }

    fn length(&self) -> u64 {
        std::fs::metadata(self.trace).expect("it is written").len()
    }
}

/// A disk as it is found, and what must be on it.
struct Found<'a> {
    disk: TempDir,
    acknowledged: Vec<&'a Acknowledged>,
    /// The newest that was given out.
    checkpoint: Option<&'a Checkpoint>,
}

impl<'a> Found<'a> {
    fn after(run: &'a Run, records: usize, promise: Promise, random: &mut Random) -> Found<'a> {
        let disk = TempDir::new().expect("a folder");
        run.trace.cut(records, promise, random, disk.path());
        let length = run.trace.length_after(records);
        Found {
            disk,
            acknowledged: run.acknowledged.iter().filter(|one| one.length <= length).collect(),
            checkpoint: run.checkpoints.iter().rfind(|one| one.length <= length),
        }
    }

    /// Every acknowledged command is in the book, once, and the book leads to what was signed.
    fn verify(&self, run: &Run) -> Result<(), String> {
        let book = self.disk.path().join("book");
        // The lock comes after the tables: without it there may be nothing to verify yet.
        if self.acknowledged.is_empty() && !book.join("journal.lock").exists() {
            return Ok(());
        }
        let mut verify = program();
        verify.args(["verify", "--data"]).arg(&book);
        verify.env("QUIPU_SUBJECT_KEYS", self.disk.path().join("subject-keys"));
        if let Some(checkpoint) = self.checkpoint {
            let signed = believed(&checkpoint.note, &run.vkeys);
            let noted = format!("{}:{}", signed.size(), Root(signed.hash().0));
            verify.args(["--expect", &noted]);
        }
        let output = verify.output().expect("the program starts");
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            return Err(String::from_utf8_lossy(&said).into_owned());
        }
        if let Some(key) = self.acknowledged.iter().find_map(|one| self.key_of_erased(one)) {
            return Err(format!("{} is there again", key.display()));
        }
        let commands = commands(&book).map_err(|error| error.to_string())?;
        for one in &self.acknowledged {
            let times = commands.iter().filter(|key| **key == one.key).count();
            if times != 1 {
                return Err(format!("{} to {} is there {times} times", one.key, one.path));
            }
        }
        Ok(())
    }

    /// P4: who was told that somebody is erased can rely on the key being gone.
    fn key_of_erased(&self, one: &Acknowledged) -> Option<PathBuf> {
        let key_of = format!("{}.", one.erased()?);
        let keys = std::fs::read_dir(self.disk.path().join("subject-keys")).ok()?.flatten();
        let mut keys = keys.filter(|key| key.file_name().to_string_lossy().starts_with(&key_of));
        keys.next().map(|key| key.path())
    }

    /// A server starts on it, knows what it was told before, and takes what is new.
    fn go_on(&self) {
        let port = free_port();
        let server = Server::of(serve_from(self.disk.path(), port), port);
        let client = server.client();
        for one in &self.acknowledged {
            if let Some(id) = one.body["id"].as_str() {
                let path = format!("/v1/tenants/{id}?at_least={}", client.head());
                let name = client.get(&path).ok()["name"].clone();
                let erased = |one: &&Acknowledged| one.erased() == Some(id);
                if self.acknowledged.iter().any(erased) {
                    assert_eq!(name, "[erased]");
                    continue;
                }
                // An erasure may have been recorded that nobody was told of.
                assert!(name == NAME || name == "[erased]", "{id}: {name}");
                if name != NAME {
                    continue;
                }
            }
            let again = client.post_with_key(&one.path, &one.body, &one.key);
            assert_eq!(again.body, one.answer, "{}", one.path);
            assert!(again.replayed, "{}", one.path);
        }
        client.tenant_with("t_after", "5");
        client.post("/v1/tenants/t_after/debits", &json!({"amount": "1"})).ok();
        if self.checkpoint.is_some() {
            let listed = client.get("/v1/checkpoints").ok();
            let listed = listed["checkpoints"].as_array().expect("a list").clone();
            assert!(listed.iter().all(|one| one["origin"] == "quipu.local/main/e1"), "{listed:?}");
        }
        server.stop();
    }
}

/// The keys of the commands that a book has.
fn commands(book: &Path) -> rusqlite::Result<Vec<String>> {
    let journal = Connection::open(book.join("journal.db"))?;
    let sql = "select command from journal_event where command is not null";
    journal.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn serve_from(disk: &Path, port: u16) -> Command {
    let mut command = serve(port);
    command.arg("--data").arg(disk.join("book")).arg("--keys").arg(disk.join("keys"));
    command.env("QUIPU_SUBJECT_KEYS", disk.join("subject-keys"));
    command
}
