//! An auditor who trusts nobody: he keeps a checkpoint and the log's key, and has `quipu-verify`.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::json;
use tempfile::TempDir;

use crate::cli::import_usage::talk;
use crate::cli::journal::rewritten;
use crate::cli::prove::{printed, vkeys};
use crate::support::both_stores;
use crate::support::server::{Server, program, run_on, verifier};
use crate::support::store::Store;

both_stores! {
    /// He takes a checkpoint; history is changed behind everybody's back; he catches it.
    fn a_rewritten_book_is_caught_with_one_old_checkpoint_whoever_signs_it(store: Store) {
        let auditor = Auditor::new();
        let server = serve(&store, &auditor.path("keys"));
        server.client().tenant_with("t_acme", "100");
        auditor.asks(&server, &["prove", "2"]);
        let old = auditor.keeps("old.checkpoint", &auditor.asks(&server, &["checkpoint"]));
        let vkey = vkeys(&auditor.path("keys"), &[]).remove(0);
        let trust = ["--vkey", vkey.as_str()];
        for _ in 0..5 {
            let debit = json!({"amount": "1"});
            server.client().post("/v1/tenants/t_acme/debits", &debit).ok();
        }
        auditor.asks(&server, &["prove", "7"]);
        auditor.asks(&server, &["prove", "--consistency", &old]);
        let export = printed(&run_on(&store, &["export", "journal"]));
        let book = auditor.keeps("book.jsonl", &export);
        server.stop();

        // All that an honest server gives him holds.
        let held_to_old = |book: &str| {
            auditor.verifies(&[&["export", book, "--checkpoint", &old][..], &trust].concat())
        };
        let proof = ["proof", "event-7.tlog-proof", "--event", "event-7.json"];
        let grown = ["consistency", &old, "consistency-2-7.tlog-consistency"];
        for held in [
            held_to_old(&book),
            auditor.verifies(&[&proof[..], &trust].concat()),
            auditor.verifies(&[&grown[..], &trust].concat()),
        ] {
            assert_eq!(held.status.code(), Some(0), "{}", talk(&held));
        }

        // The whole book is rewritten, hashes and all, and served with a new key under the old name.
        let forged = auditor.path("forged.jsonl");
        std::fs::write(&forged, rewritten(export.as_bytes())).expect("written");
        let forgery = store.another();
        let forged = forged.to_str().expect("UTF-8");
        printed(&run_on(&forgery, &["import", "journal", forged]));
        let server = serve(&forgery, &auditor.path("other-keys"));
        auditor.asks(&server, &["prove", "2"]);
        let new = auditor.keeps("new.checkpoint", &auditor.asks(&server, &["checkpoint"]));
        server.stop();
        let rewritten = held_to_old(forged);
        assert_eq!(rewritten.status.code(), Some(1), "{}", talk(&rewritten));
        assert!(talk(&rewritten).contains("has been rewritten"), "{}", talk(&rewritten));
        let proof = ["proof", "event-2.tlog-proof", "--event", "event-2.json"];
        let resigned = ["export", forged, "--checkpoint", &new];
        for forged in [&proof[..], &resigned] {
            let forged = auditor.verifies(&[forged, &trust].concat());
            assert_eq!(forged.status.code(), Some(1), "{}", talk(&forged));
            assert!(talk(&forged).contains("no trusted key"), "{}", talk(&forged));
        }
    }
}

fn serve(store: &Store, keys: &Path) -> Server {
    Server::start_with(store, &["--keys", keys.to_str().expect("UTF-8")])
}

/// A folder of his own.
struct Auditor(TempDir);

impl Auditor {
    fn new() -> Auditor {
        Auditor(quipu_testkit::sqlite::folder())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn keeps(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).expect("written");
        self.path(name).display().to_string()
    }

    /// What the server answers; files that it gives are in his folder.
    fn asks(&self, server: &Server, verb: &[&str]) -> String {
        let mut command = program();
        command.args(verb).args(["--server", &server.url()]).current_dir(self.0.path());
        printed(&command.output().expect("it runs"))
    }

    fn verifies(&self, arguments: &[&str]) -> Output {
        verifier().args(arguments).current_dir(self.0.path()).output().expect("it runs")
    }
}
