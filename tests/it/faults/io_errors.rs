//! Calls to the system fail that open, read, write, sync, cut, remove or rename a file of the book:
//! one of them, or all from one on, as on a disk that breaks.
//!
//! A server says 503 meanwhile or ends and says why, acknowledges nothing that is not there, and
//! goes on once the disk does. Which calls fail is drawn; `QUIPU_IO_ERRORS=all` tries each one.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::kill_during_import::Random;
use super::power_cut::{NAME, on, verify};
use crate::support::client::{Answer, Client, fresh_key};
use crate::support::preload::compiled;
use crate::support::server::{Server, free_port, serve};

/// Numbers of errors, as Linux has them.
const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
/// What may fail, in the order of `fail.c`, and with which errors.
const CALLS: [(&str, &[i32]); 7] = [
    ("open", &[EIO, ENOSPC, EMFILE]),
    ("read", &[EIO]),
    ("write", &[EIO, ENOSPC]),
    ("sync", &[EIO, ENOSPC]),
    ("truncate", &[EIO, ENOSPC]),
    ("remove", &[EIO]),
    ("rename", &[EIO, ENOSPC]),
];
/// Which of them the writes are.
const WRITES: usize = 2;
/// Of each kind, once and from then on.
const DRAWN: usize = 4;
/// Most of the time a server waits for something.
const AT_A_TIME: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);
const ERASED: &str = "t_gone";
/// How long a command is tried while the disk is broken.
const TRIES: usize = 2;

#[test]
fn an_error_of_the_disk_at_any_call_loses_nothing_and_doubles_nothing() {
    let place = TempDir::new().expect("a folder");
    let library = compiled("io_errors/fail.c", place.path());
    let counts = Point::NONE.try_with(&library).expect("nothing fails");

    let points = Mutex::new(points(&counts));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(point) = points.lock().expect("nobody panicked").pop() else { break };
                    let why = match point.try_with(&library) {
                        Ok(_) if point.is_lie() => "what was never written is missed".to_owned(),
                        Err(why) if !point.is_lie() => why,
                        _ => continue,
                    };
                    failed.lock().expect("nobody panicked").push(format!("{point:?}: {why}"));
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panicked");
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n\n"));
}

/// Which calls fail.
#[derive(Clone, Copy, Debug)]
struct Point {
    call: usize,
    first: u64,
    last: u64,
    error: i32,
}

fn points(counts: &[u64]) -> Vec<Point> {
    let mut random = Random(0x10_E440);
    let all = std::env::var("QUIPU_IO_ERRORS").is_ok_and(|which| which == "all");
    let mut points = Vec::new();
    for (call, (name, errors)) in CALLS.iter().enumerate() {
        let count = counts[call];
        assert!(count > 0, "the server has no {name}, or it is not seen");
        let mut point = |first: u64, last: u64| {
            let error = errors[random.index(errors.len())];
            points.push(Point { call, first, last, error });
        };
        if all {
            (1..=count).for_each(|number| point(number, number));
            (1..=count).for_each(|number| point(number, u64::MAX));
        } else {
            let mut random = Random(call as u64);
            for _ in 0..DRAWN {
                let [one, other] = [(); 2].map(|()| 1 + random.below(count));
                point(one, one);
                point(other, u64::MAX);
            }
        }
    }
    // A disk that says it has written what it has not: this test can fail.
    let first = counts[WRITES] * 3 / 5;
    points.push(Point { call: WRITES, first, last: first + 60, error: 0 });
    points
}

impl Point {
    const NONE: Point = Point { call: 0, first: 1, last: 0, error: EIO };

    const fn is_lie(self) -> bool {
        self.error == 0
    }

    /// What a server does from its first start on, and what is left. Gives how many calls there were.
    fn try_with(self, library: &Path) -> Result<Vec<u64>, String> {
        let place = TempDir::new().expect("a folder");
        let disk = place.path().join("disk");
        std::fs::create_dir(&disk).expect("a folder");
        let orders = Orders::new(&place.path().join("orders"), self);
        let mut server = start(&disk, |command| {
            command.env("LD_PRELOAD", library);
            command.env("FAIL_FOLDER", &disk).env("FAIL_ORDERS", place.path().join("orders"));
        })?;
        let mut commands = Posted::all();
        if let Some(server) = &mut server {
            for command in &mut commands {
                command.post(&server.client(), TRIES)?;
            }
            // Until something was signed, or was to be.
            std::thread::sleep(Duration::from_millis(1_100));
        }
        let counts = orders.counts();
        orders.mend();
        if let Some(ended) = server.take_if(|server| !server.is_running()) {
            has_said_why(&ended)?;
        }
        let server = match server {
            Some(server) => server,
            None => {
                start(&disk, |_| {})?.ok_or("it does not start on a disk that is whole again")?
            }
        };
        for command in &mut commands {
            command.post(&server.client(), usize::MAX)?;
        }
        has_said_why(&server)?;
        server.kill();
        verified(&disk)?;
        let server = start(&disk, |_| {})?.ok_or("it does not start again")?;
        // What was erased cannot be compared with what is asked for.
        let comparable = |command: &&Posted| command.body["id"] != ERASED;
        for command in commands.iter().filter(comparable) {
            let again = command.send(&server.client()).map_err(|error| error.to_string())?;
            if !again.replayed || Some(&again.body) != command.answer.as_ref() {
                return Err(format!("{} was {:?}, and is {again:?}", command.path, command.answer));
            }
        }
        let balance = server.client().balance("t_acme");
        if balance["available"] != "95" {
            return Err(format!("{balance}"));
        }
        server.stop();
        verified(&disk)?;
        Ok(counts)
    }
}

/// The file by which `fail.c` is told, and tells.
struct Orders(File);

impl Orders {
    const LAST: u64 = 2;
    const COUNTS: u64 = 5;

    fn new(path: &Path, point: Point) -> Orders {
        let file = File::options().read(true).write(true).create_new(true).open(path);
        let orders = Orders(file.expect("a file"));
        let error = u64::try_from(point.error).expect("an error's number");
        let call = u64::try_from(point.call).expect("one of some");
        for (index, value) in (0..).zip([call, point.first, point.last, error, 0]) {
            orders.set(index, value);
        }
        CALLS.iter().zip(Orders::COUNTS..).for_each(|(_, index)| orders.set(index, 0));
        orders
    }

    /// No call fails from here on.
    fn mend(&self) {
        self.set(Orders::LAST, 0);
    }

    fn counts(&self) -> Vec<u64> {
        let count = |(_, index): (_, u64)| {
            let mut bytes = [0; 8];
            self.0.read_exact_at(&mut bytes, index * 8).expect("it is there");
            u64::from_ne_bytes(bytes)
        };
        CALLS.iter().zip(Orders::COUNTS..).map(count).collect()
    }

    fn set(&self, index: u64, value: u64) {
        self.0.write_all_at(&value.to_ne_bytes(), index * 8).expect("it can be written");
    }
}

/// A command, and its answer once it is acknowledged.
struct Posted {
    path: &'static str,
    body: Value,
    key: String,
    answer: Option<String>,
}

impl Posted {
    fn all() -> Vec<Posted> {
        let debit = || ("/v1/tenants/t_acme/debits", json!({"amount": "1"}));
        let commands = [
            ("/v1/tenants", json!({"id": "t_acme", "name": NAME})),
            ("/v1/tenants/t_acme/grants", json!({"amount": "100"})),
            debit(),
            debit(),
            debit(),
            ("/v1/tenants", json!({"id": ERASED, "name": NAME})),
            ("/v1/subjects/t_gone/erase", json!({"reason": "asked"})),
            debit(),
            debit(),
        ];
        let posted = |(path, body)| Posted { path, body, key: fresh_key(), answer: None };
        commands.map(posted).into()
    }

    fn send(&self, client: &Client) -> Result<Answer, ureq::Error> {
        client.try_post(self.path, &self.body, &self.key)
    }

    /// Until it is acknowledged, or was tried often enough.
    fn post(&mut self, client: &Client, tries: usize) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        for _ in 0..tries {
            if self.answer.is_some() {
                return Ok(());
            }
            match self.send(client) {
                Ok(answer) if answer.status < 300 => self.answer = Some(answer.body),
                // What it needs was not acknowledged either.
                Ok(answer) if tries == TRIES && answer.status < 500 => return Ok(()),
                // SQLite takes a page that cannot be read for a damaged one (`unixRead` in its source).
                Ok(answer) if tries == TRIES && answer.code() == "book_does_not_hold" => {}
                Ok(answer) if answer.status == 503 && answer.retry_after => {}
                Err(_) if tries == TRIES => return Ok(()),
                other => return Err(format!("{}: {other:?}", self.path)),
            }
            if Instant::now() > deadline {
                return Err(format!("{} was not done in a minute", self.path));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

/// A server that is ready, or tries to be, or none where it has ended and said why.
fn start(disk: &Path, prepare: impl Fn(&mut Command)) -> Result<Option<Server>, String> {
    let port = free_port();
    let mut command = on(disk, serve(port));
    prepare(&mut command);
    let mut server = Server::spawn(command, port);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match server.client().try_get("/readyz") {
            Ok(answer) if answer.status == 200 || answer.status == 503 => return Ok(Some(server)),
            Ok(answer) => return Err(format!("{answer:?}")),
            Err(_) if !server.is_running() => {
                has_said_why(&server)?;
                return Ok(None);
            }
            Err(_) if Instant::now() > deadline => {
                return Err(format!("nothing within a minute, but: {}", server.said()));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Whoever ends says why, in words.
fn has_said_why(server: &Server) -> Result<(), String> {
    let said = server.said();
    let has_panicked = said.contains("panicked") || said.contains("RUST_BACKTRACE");
    if has_panicked || said.is_empty() { Err(format!("it said: {said}")) } else { Ok(()) }
}

fn verified(disk: &Path) -> Result<(), String> {
    let output = verify(disk).output().expect("the program starts");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}
