//! A disk as it is found, and what must be on it.

use std::path::{Path, PathBuf};

use quipu_journal::Root;
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::disk::Promise;
use super::run::{Acknowledged, Checkpoint, Rotation, Run};
use super::{NAME, on, verify};
use crate::cli::import_usage::talk;
use crate::cli::prove::believed;
use crate::faults::kill_during_import::Random;
use crate::support::server::{Server, free_port, program, serve};

pub(super) struct Found<'a> {
    disk: TempDir,
    pub(super) acknowledged: Vec<&'a Acknowledged>,
    /// The newest that was given out.
    checkpoint: Option<&'a Checkpoint>,
    rotations: Vec<&'a Rotation>,
}

impl<'a> Found<'a> {
    pub(super) fn after(
        run: &'a Run,
        records: usize,
        promise: Promise,
        random: &mut Random,
    ) -> Found<'a> {
        let disk = TempDir::new().expect("a folder");
        run.trace.cut(records, promise, random, disk.path());
        let length = run.trace.length_after(records);
        Found {
            disk,
            acknowledged: run.acknowledged.iter().filter(|one| one.length <= length).collect(),
            checkpoint: run.checkpoints.iter().rfind(|one| one.length <= length),
            rotations: run.rotations.iter().filter(|one| one.length <= length).collect(),
        }
    }

    /// Every acknowledged command is in the book, once, and the book leads to what was signed.
    pub(super) fn verify(&self, run: &Run) -> Result<(), String> {
        let book = self.disk.path().join("book");
        // The lock comes after the tables: without it there may be nothing to verify yet.
        if self.acknowledged.is_empty() && !book.join("journal.lock").exists() {
            return Ok(());
        }
        let mut verify = verify(self.disk.path());
        if let Some(checkpoint) = self.checkpoint {
            let signed = believed(&checkpoint.note, std::slice::from_ref(&run.vkey));
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
        self.verify_keys()?;
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

    /// Who was told of a new key may have told others, who will look for its signature.
    fn verify_keys(&self) -> Result<(), String> {
        let Some(told) = self.rotations.last() else { return Ok(()) };
        let output = on(self.disk.path(), program()).args(["keys", "list", "--json"]).output();
        let output = output.expect("the program starts");
        let listed: Value = serde_json::from_slice(&output.stdout).map_err(|_| talk(&output))?;
        let there = |key: &&Value| {
            let same = |other: &&Value| other["vkey"] == key["vkey"];
            let listed = listed.as_array()?.iter().find(same)?;
            // A later rotation may have begun that ends it.
            (key["ends_at"].is_null() || listed["ends_at"] == key["ends_at"]).then_some(())
        };
        let mut told = told.keys.as_array().expect("a list").iter();
        told.find(|key| there(key).is_none()).map_or(Ok(()), |key| Err(format!("no {key}")))
    }

    /// A server starts on it, knows what it was told before, and takes what is new.
    pub(super) fn go_on(&self) {
        let port = free_port();
        let server = Server::of(on(self.disk.path(), serve(port)), port);
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
