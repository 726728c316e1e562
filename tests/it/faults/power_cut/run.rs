//! What a server and its operator's commands did to a disk, and what they said they had done.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::disk::Trace;
use super::{NAME, on};
use crate::cli::prove::vkeys;
use crate::faults::kill_during_import::Random;
use crate::support::client::{Client, fresh_key};
use crate::support::preload::compiled;
use crate::support::server::{Server, free_port, program, serve};

/// Debits of each caller: enough for SQLite's log to be moved into the file several times.
const TURNS: usize = 300;

pub(super) struct Run {
    pub(super) trace: Trace,
    pub(super) acknowledged: Vec<Acknowledged>,
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) rotations: Vec<Rotation>,
    /// Of the key that signed from the beginning to the end.
    pub(super) vkey: String,
}

pub(super) struct Acknowledged {
    pub(super) path: String,
    pub(super) body: Value,
    pub(super) key: String,
    pub(super) answer: String,
    /// How long the trace was when the answer had come.
    pub(super) length: u64,
}

/// A checkpoint that somebody was given.
pub(super) struct Checkpoint {
    pub(super) note: String,
    pub(super) length: u64,
}

/// A new key that somebody was told of.
pub(super) struct Rotation {
    pub(super) keys: Value,
    pub(super) length: u64,
}

impl Acknowledged {
    /// Whom it erased.
    pub(super) fn erased(&self) -> Option<&str> {
        self.path.strip_prefix("/v1/subjects/")?.strip_suffix("/erase")
    }
}

impl Run {
    pub(super) fn record() -> Run {
        let traced = Traced::new();
        let port = free_port();
        let server = Server::of(traced.follow(on(&traced.disk, serve(port))), port);
        let recorder =
            Recorder { client: server.client(), traced: &traced, done: AtomicBool::new(false) };
        let (acknowledged, checkpoints, rotations) = recorder.work();
        server.kill();
        Run { checkpoints, rotations, ..Run::of(traced, acknowledged) }
    }

    /// Of which nothing but the commands is known.
    pub(super) fn of(traced: Traced, acknowledged: Vec<Acknowledged>) -> Run {
        let vkey = vkeys(&traced.disk.join("keys"), &[]).remove(0);
        let (checkpoints, rotations) = (Vec::new(), Vec::new());
        Run { trace: traced.read(), acknowledged, checkpoints, rotations, vkey }
    }

    /// After how many records the power goes: while the book is made, as soon as an answer is out,
    /// or anywhere.
    pub(super) fn moment(&self, random: &mut Random) -> usize {
        let answered = |length: u64| self.trace.records_within(length);
        match random.below(4) {
            0 => random.index(answered(self.acknowledged[0].length)),
            1 => answered(self.acknowledged[random.index(self.acknowledged.len())].length),
            2 => answered(self.rotations[random.index(self.rotations.len())].length),
            _ => random.index(self.trace.len()),
        }
    }
}

/// A folder whose files are watched.
pub(super) struct Traced {
    place: TempDir,
    library: PathBuf,
    pub(super) disk: PathBuf,
    trace: PathBuf,
}

impl Traced {
    pub(super) fn new() -> Traced {
        let place = TempDir::new().expect("a folder");
        let path = place.path().canonicalize().expect("it is there");
        let (disk, trace) = (path.join("disk"), path.join("trace"));
        std::fs::create_dir(&disk).expect("a folder");
        Traced { place, library: compiled("power_cut/trace.c", &path), disk, trace }
    }

    /// Lets a command write down what it does to the folder.
    pub(super) fn follow(&self, mut command: Command) -> Command {
        command.env("LD_PRELOAD", &self.library);
        command.env("TRACE_FILE", &self.trace).env("TRACE_FOLDER", &self.disk);
        command
    }

    /// A command that is acknowledged.
    pub(super) fn post(&self, client: &Client, path: &str, body: Value, key: &str) -> Acknowledged {
        let answer = client.post_with_key(path, &body, key);
        let length = self.length();
        answer.ok();
        Acknowledged {
            path: path.to_owned(),
            body,
            key: key.to_owned(),
            answer: answer.body,
            length,
        }
    }

    /// A file that is not watched.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn length(&self) -> u64 {
        std::fs::metadata(&self.trace).expect("it is written").len()
    }

    pub(super) fn read(self) -> Trace {
        let trace = Trace::read(&self.trace, &self.disk);
        self.place.close().expect("it is the test's own");
        trace
    }
}

struct Recorder<'a> {
    client: Client,
    traced: &'a Traced,
    done: AtomicBool,
}

impl Recorder<'_> {
    /// Some callers at a time, so that commits are shared, somebody who keeps checkpoints, and an
    /// operator.
    fn work(&self) -> (Vec<Acknowledged>, Vec<Checkpoint>, Vec<Rotation>) {
        let acknowledged = Mutex::new(Vec::new());
        let post = |path: &str, body: Value| {
            let answered = self.traced.post(&self.client, path, body, &fresh_key());
            acknowledged.lock().expect("nobody panicked").push(answered);
        };
        let (checkpoints, rotations) = std::thread::scope(|scope| {
            let keeper = scope.spawn(|| self.keep_checkpoints());
            post("/v1/tenants", json!({"id": "t_acme", "name": NAME}));
            post("/v1/tenants/t_acme/grants", json!({"amount": "1000000"}));
            let callers = [0, 1, 2].map(|caller| scope.spawn(move || call(caller, &post)));
            let done = Done(&self.done);
            let rotations = self.operate();
            callers.into_iter().for_each(|caller| caller.join().expect("all were answered"));
            drop(done);
            (keeper.join().expect("it has ended"), rotations)
        });
        (acknowledged.into_inner().expect("nobody panicked"), checkpoints, rotations)
    }

    fn keep_checkpoints(&self) -> Vec<Checkpoint> {
        let mut kept = Vec::<Checkpoint>::new();
        // They are published once a second.
        while kept.is_empty() || !self.done.load(Ordering::Relaxed) {
            let answer = self.client.get("/v1/log/checkpoint");
            let length = self.traced.length();
            let is_new = kept.last().is_none_or(|last| last.note != answer.body);
            if answer.status == 200 && is_new {
                kept.push(Checkpoint { note: answer.body, length });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        kept
    }

    /// Beside the running server: new keys, and the views made anew.
    fn operate(&self) -> Vec<Rotation> {
        let run = |verb: &[&str]| {
            let mut command = self.traced.follow(on(&self.traced.disk, program()));
            let output = command.args(verb).output().expect("the program starts");
            assert!(output.status.success(), "{output:?}");
            output.stdout
        };
        let rotate = || {
            let keys = run(&["keys", "rotate", "--json"]);
            let keys = serde_json::from_slice(&keys).expect("JSON");
            Rotation { keys, length: self.traced.length() }
        };
        let mut rotations = vec![rotate()];
        run(&["projections", "rebuild"]);
        rotations.push(rotate());
        rotations
    }
}

/// Ends the keeper, whether what it was beside has succeeded or panicked.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn call(caller: usize, post: &impl Fn(&str, Value)) {
    for turn in 0..TURNS {
        let id = format!("t_{caller}_{}", turn / 10);
        match turn % 10 {
            0 => post("/v1/tenants", json!({"id": id, "name": NAME})),
            // Every second one is erased again.
            5 if turn % 20 == 5 => {
                post(&format!("/v1/subjects/{id}/erase"), json!({"reason": "asked"}));
            }
            _ => post("/v1/tenants/t_acme/debits", json!({"amount": "1"})),
        }
    }
}
