//! A book as a file, and back: what the screens say.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use quipu::exit_codes;
use quipu_database::Database;

use crate::program::{Server, quipu, run};

#[test]
fn a_journal_is_exported_and_restored() {
    let mut server = Server::start().with_tenant();
    let file = format!("{}/book.jsonl", server.data());
    let export = ["export", "journal", "--output", &file];
    insta::assert_snapshot!("export_journal", server.on_book(&export).redacted(&server));
    let json = [&export[..], &["--json"]].concat();
    insta::assert_snapshot!("export_journal_json", server.on_book(&json).redacted(&server));
    let out = server.on_book(&["export", "journal"]);
    assert_eq!(out.out(), std::fs::read_to_string(&file).unwrap(), "the same to standard output");
    assert!(out.err().contains("journal: 5 events, root "), "{}", out.err());

    let copy = format!("{}/copy", server.data());
    let import = ["import", "journal", &file, "--data", &copy];
    insta::assert_snapshot!("import_journal", run(&import).redacted(&server));
    let json = [&import[..], &["--json"]].concat();
    insta::assert_snapshot!("import_journal_again_json", run(&json).redacted(&server));

    let cut = format!("{}/cut.jsonl", server.data());
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&cut, &text[..text.len() / 2]).unwrap();
    let other = format!("{}/other", server.data());
    let import = run(&["import", "journal", &cut, "--data", &other]);
    insta::assert_snapshot!("import_journal_cut", import.redacted(&server));
    assert_eq!(server.terminate(), Some(i32::from(exit_codes::OK)));
}

#[test]
fn an_export_that_is_interrupted_leaves_nothing_behind() {
    let server = Server::start_on_postgres().with_tenant();
    let url = &server.place[1];
    let journal = Database::connect_postgres(url, "public", &quipu_journal::MIGRATIONS).unwrap();
    for signal in ["-INT", "-TERM"] {
        // It begins its file, and comes no further.
        let mut lock = journal.writer().unwrap();
        lock.begin().unwrap();
        lock.execute("LOCK TABLE journal_batch IN ACCESS EXCLUSIVE MODE", &[]).unwrap();
        let folder = quipu_testkit::sqlite::folder();
        let files = || fs::read_dir(folder.path()).unwrap().count();
        let file = folder.path().join("book.jsonl").display().to_string();
        let mut export = quipu(&["export", "journal", "--output", &file, "--database", url]);
        let mut export = export.stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while files() == 0 {
            assert!(Instant::now() < deadline && export.try_wait().unwrap().is_none());
            thread::sleep(Duration::from_millis(10));
        }
        let pid = export.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let code = export.wait().unwrap().code();
        assert_eq!(code, Some(i32::from(exit_codes::INTERRUPTED)));
        assert_eq!(files(), 0);
    }
}

#[test]
fn a_file_that_is_no_export_is_malformed_and_leaves_the_book_empty() {
    let server = Server::start();
    let file = format!("{}/other.jsonl", server.data());
    std::fs::write(&file, "{\"hello\":1}\n").unwrap();
    let copy = format!("{}/copy", server.data());
    let refused = run(&["import", "journal", &file, "--data", &copy]);
    assert_eq!(refused.code(), i32::from(exit_codes::MALFORMED));
    assert!(
        refused.err().contains("not the first line of a journal's export"),
        "{}",
        refused.err()
    );
    let missing = run(&["import", "journal", "/nonexistent", "--data", &copy]);
    assert_eq!(missing.code(), i32::from(exit_codes::MALFORMED));
}

#[test]
fn an_export_replaces_a_file_only_when_it_is_whole_and_never_a_device() {
    let server = Server::start().with_tenant();
    let folder = server.on_book(&["export", "journal", "--output", "/nonexistent/book.jsonl"]);
    assert_eq!(folder.code(), i32::from(exit_codes::MALFORMED), "{}", folder.err());
    let device = server.on_book(&["export", "journal", "--output", "/dev/null"]);
    assert_eq!(device.code(), i32::from(exit_codes::OK), "{}", device.err());
    assert!(!Path::new("/dev/null").is_file(), "it is still a device");
}
