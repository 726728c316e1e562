//! `quipu export journal`, `quipu import journal`, and `quipu-verify` between them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use quipu_domain::{Position, Recorded};
use quipu_journal::{KeyWindow, Lease, MemoryStore, Writer, codec, json_lines};
use quipu_verify::{Checkpoint, Report, verify_export};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::import_usage::talk;
use crate::api::usage::{prices, record};
use crate::support::both_stores;
use crate::support::client::Client;
use crate::support::files::copy_files;
use crate::support::server::{Server, assert_verifies, program, run_on, verifier};
use crate::support::store::Store;

both_stores! {
    /// Export, wipe, import: the same root and the same views; and through the other engine and
    /// back, the same file.
    fn a_book_moves_to_the_other_engine_and_back_to_the_byte(store: Store) {
        let files = quipu_testkit::sqlite::folder();
        let server = Server::start(&store);
        fill(&server.client());
        let answers = answers(&server.client());
        let first = exported(&store, &files, "first.jsonl");
        assert!(audit(&std::fs::read(&first).expect("it is there"), &[]).holds);
        server.stop();

        let other = match &store {
            Store::Sqlite(_) => Store::postgres(),
            Store::Postgres(_) => Store::sqlite(),
        };
        imported(&other, &first);
        assert_verifies(&other);
        let second = exported(&other, &files, "second.jsonl");
        assert!(same(&first, &second), "the other engine holds the same bytes");

        let back = store.another();
        imported(&back, &second);
        assert!(same(&first, &exported(&back, &files, "third.jsonl")));
        // Views say the same at once, and the book goes on: keys that were used are known. What
        // opens the names is moved apart from the book (P1).
        copy_files(&store.subject_keys(), &back.subject_keys());
        let server = Server::start(&back);
        let client = server.client();
        assert_eq!(self::answers(&client), answers);
        let grant = client.post_with_key(GRANTS, &json!({"amount": "7"}), "once");
        assert!(grant.replayed, "{}", grant.body);
        client.post(GRANTS, &json!({"amount": "1"})).ok();
        server.stop();
        assert_verifies(&back);
    }

    /// What is recorded meanwhile is left out; the file is whole.
    fn an_export_beside_a_running_server_is_of_one_moment(store: Store) {
        let server = Server::start(&store);
        let client = server.client();
        fill(&client);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..40 {
                    client.post(GRANTS, &json!({"amount": "1"})).ok();
                }
            });
            for _ in 0..4 {
                let export = run_on(&store, &["export", "journal"]);
                assert!(export.status.success(), "{}", talk(&export));
                let report = audit(&export.stdout, &[]);
                assert_eq!(report.finding, None);
            }
        });
        server.stop();
    }

    /// Whoever rewrites the whole book leaves no trace in it. The old checkpoint is the trace.
    fn a_book_rewritten_with_all_its_hashes_is_caught_by_an_old_checkpoint(store: Store) {
        let files = quipu_testkit::sqlite::folder();
        let server = Server::start(&store);
        fill(&server.client());
        let honest = run_on(&store, &["export", "journal"]).stdout;
        let saved = audit(&honest, &[]);
        // Days go by.
        server.client().post(GRANTS, &json!({"amount": "1"})).ok();
        server.stop();
        let now = run_on(&store, &["export", "journal"]).stdout;
        assert!(audit(&now, &[checkpoint(&saved)]).holds);

        let forged = files.path().join("forged.jsonl");
        std::fs::write(&forged, rewritten(&now)).expect("written");
        let book = store.another();
        imported(&book, &forged);
        assert_verifies(&book);
        let export = run_on(&book, &["export", "journal"]).stdout;
        assert!(audit(&export, &[]).holds, "by itself it cannot know");
        let finding = audit(&export, &[checkpoint(&saved)]).finding.expect("it is caught");
        assert!(finding.what.contains("has been rewritten"), "{}", finding.what);
    }

    fn a_book_is_not_mixed_with_another(store: Store) {
        let files = quipu_testkit::sqlite::folder();
        let server = Server::start(&store);
        fill(&server.client());
        let file = exported(&store, &files, "book.jsonl");
        let running = import(&store, &file);
        assert_eq!(running.status.code(), Some(4), "{}", talk(&running));
        assert!(talk(&running).contains("is being written by"), "{}", talk(&running));
        server.stop();

        let other = store.another();
        let server = Server::start(&other);
        server.client().tenant_with("t_other", "1");
        server.stop();
        let before = run_on(&other, &["export", "journal"]).stdout;
        let refused = import(&other, &file);
        assert_eq!(refused.status.code(), Some(3), "{}", talk(&refused));
        assert!(talk(&refused).contains("the book is another one"), "{}", talk(&refused));
        assert_eq!(run_on(&other, &["export", "journal"]).stdout, before);
    }

    /// A bad line is named, what came before it stays, and the whole file goes on from there.
    fn an_import_that_broke_off_goes_on(store: Store) {
        let files = quipu_testkit::sqlite::folder();
        let server = Server::start(&store);
        fill(&server.client());
        server.stop();
        let file = exported(&store, &files, "book.jsonl");
        let text = std::fs::read_to_string(&file).expect("it is there");
        let bad = files.path().join("bad.jsonl");
        std::fs::write(&bad, text.replacen("\"amount\":\"7\"", "\"amount\":\"8\"", 1)).expect("written");
        let copy = store.another();
        let stopped = import(&copy, &bad);
        assert_eq!(stopped.status.code(), Some(2), "{}", talk(&stopped));
        let line = text.lines().position(|line| line.contains("\"amount\":\"7\"")).expect("a line") + 2;
        assert!(talk(&stopped).contains(&format!("bad.jsonl:{line}: ")), "{}", talk(&stopped));
        let output = import(&copy, &file);
        let summary: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert!(summary["known"].as_u64() > Some(0) && summary["added"].as_u64() > Some(0), "{summary}");
        assert_verifies(&copy);
        assert!(same(&file, &exported(&copy, &files, "copy.jsonl")));
    }
}

const GRANTS: &str = "/v1/tenants/t_book/grants";

/// Work of different kinds, in commits of different sizes.
fn fill(client: &Client) {
    prices(client);
    client.tenant_with("t_book", "100");
    client.post_with_key(GRANTS, &json!({"amount": "7"}), "once").ok();
    for n in 0..5 {
        let records: Vec<Value> = (0..=n).map(|k| record("t_book", 10 * n + k)).collect();
        client.post("/v1/usage", &json!(records)).ok();
        client.post("/v1/tenants/t_book/debits", &json!({"amount": "1.25"})).ok();
    }
}

/// What the views say.
fn answers(client: &Client) -> Vec<Value> {
    client.balance("t_book");
    let paths = ["", "/balance", "/entries?limit=100", "/lots", "/usage?window=month"];
    paths.map(|path| client.get(&format!("/v1/tenants/t_book{path}")).ok()).to_vec()
}

fn exported(store: &Store, files: &TempDir, name: &str) -> PathBuf {
    let path = files.path().join(name);
    let output = run_on(store, &["export", "journal", "--output", &path.display().to_string()]);
    assert!(output.status.success(), "{}", talk(&output));
    path
}

fn import(store: &Store, file: &Path) -> Output {
    run_on(store, &["import", "journal", &file.display().to_string(), "--json"])
}

fn imported(store: &Store, file: &Path) {
    let output = import(store, file);
    assert!(output.status.success(), "{}", talk(&output));
}

fn same(one: &Path, other: &Path) -> bool {
    std::fs::read(one).expect("it is there") == std::fs::read(other).expect("it is there")
}

/// The verdict over an export by whoever saved these checkpoints.
pub(crate) fn audit(mut export: &[u8], saved: &[Checkpoint]) -> Report {
    let saved = saved.iter().map(|checkpoint| ("the old one".to_owned(), checkpoint.clone()));
    verify_export(&mut export, saved.collect(), &mut |_, _| {}).expect("memory can be read")
}

/// What a report was about, for an auditor to keep.
pub(crate) fn checkpoint(report: &Report) -> Checkpoint {
    let (size, root) = (report.position, report.root);
    Checkpoint { origin: "quipu.example".into(), size, root, cosignatures: Vec::new() }
}

/// The same book with another actor in it, written by Quipu's own code.
pub(crate) fn rewritten(export: &[u8]) -> Vec<u8> {
    let store = std::sync::Arc::new(MemoryStore::new());
    let lease = Lease::Forced;
    let (mut writer, _) =
        Writer::open(store.clone(), lease, KeyWindow::default()).expect("an empty journal opens");
    let text = std::str::from_utf8(export).expect("UTF-8");
    let mut commit: Vec<Recorded> = Vec::new();
    for line in text.lines().skip(1) {
        if line.starts_with("{\"commit\":") {
            writer.append(&commit).expect("memory takes it");
            commit.clear();
        } else if !line.starts_with("{\"end\":") {
            let position = writer.head().position.plus(commit.len() as u64 + 1);
            let line = line.replace("\"actor\":\"local\"", "\"actor\":\"nobody\"");
            commit.push(codec::decode(Position(position.0), &line).expect("an event"));
        }
    }
    let mut forged = Vec::new();
    json_lines::export(&*store, &mut forged, &mut |_| {}).expect("memory can be read");
    forged
}

#[test]
fn the_verifier_says_with_its_exit_code_what_it_found() {
    let store = Store::sqlite();
    let server = Server::start(&store);
    fill(&server.client());
    server.stop();
    let files = quipu_testkit::sqlite::folder();
    let file = exported(&store, &files, "book.jsonl");
    let verify = |file: &Path| verifier().arg("export").arg(file).output().expect("it starts");
    let held = verify(&file);
    assert_eq!(held.status.code(), Some(0), "{}", talk(&held));
    assert!(talk(&held).contains("The journal holds."), "{}", talk(&held));
    let text = std::fs::read_to_string(&file).expect("it is there");
    std::fs::write(&file, text.replacen("1.25", "1.24", 1)).expect("written");
    let broken = verify(&file);
    assert_eq!(broken.status.code(), Some(1), "{}", talk(&broken));
    assert!(talk(&broken).contains("does not hold at line"), "{}", talk(&broken));
}

/// From one program into the other, without a file between.
#[test]
fn an_export_is_piped_into_an_import_and_into_the_verifier() {
    let store = Store::sqlite();
    let server = Server::start(&store);
    fill(&server.client());
    server.stop();
    let piped = |mut to: Command| {
        let mut export = program();
        export.args(["export", "journal"]).stdout(std::process::Stdio::piped());
        store.give_to(&mut export);
        let mut export = export.spawn().expect("it starts");
        let output = to.stdin(export.stdout.take().expect("it is piped")).output();
        assert!(export.wait().expect("it ends").success());
        output.expect("it starts")
    };
    let copy = Store::sqlite();
    let mut import = program();
    import.args(["import", "journal", "-"]);
    copy.give_to(&mut import);
    let mut verify = verifier();
    verify.args(["export", "-"]);
    for output in [piped(import), piped(verify)] {
        assert!(output.status.success(), "{}", talk(&output));
    }
    assert_verifies(&copy);
}
