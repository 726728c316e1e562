//! The program: what it says, and its exit codes.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::VKEY;

fn vector(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    path.display().to_string()
}

fn run(arguments: &[&str]) -> Output {
    let vectors = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut command = Command::new(env!("CARGO_BIN_EXE_quipu-verify"));
    command.current_dir(vectors).args(arguments).output().unwrap()
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    format!("{}{}exit code {code}", text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_book_that_holds() {
    let held = ["export", "book.jsonl", "--checkpoint", "book-150.checkpoint", "--vkey", VKEY];
    insta::assert_snapshot!("holds", shown(&run(&held)));
    insta::assert_snapshot!("holds_json", shown(&run(&[&held[..], &["--json"]].concat())));
    let whole =
        ["export", "book.jsonl", "--checkpoint", "book-200.checkpoint", "--policy", "policy"];
    insta::assert_snapshot!("holds_whole", shown(&run(&whole)));
    insta::assert_snapshot!("holds_unsigned", shown(&run(&["export", "book.jsonl"])));
}

#[test]
fn proofs_that_hold() {
    let proof = ["proof", "event-17.tlog-proof", "--event", "event-17.json", "--policy", "policy"];
    insta::assert_snapshot!("proof", shown(&run(&proof)));
    insta::assert_snapshot!("proof_json", shown(&run(&[&proof[..], &["--json"]].concat())));
    let file = "consistency-150-200.tlog-consistency";
    let grown = ["consistency", "book-150.checkpoint", file, "--vkey", VKEY];
    insta::assert_snapshot!("consistency", shown(&run(&grown)));
    insta::assert_snapshot!("consistency_json", shown(&run(&[&grown[..], &["--json"]].concat())));
}

#[test]
fn what_does_not_hold_is_said_with_1() {
    let book = std::fs::read_to_string(vector("book.jsonl")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("changed.jsonl");
    std::fs::write(&changed, book.replacen("\"actor\":\"local\"", "\"actor\":\"nobody\"", 1))
        .unwrap();
    let changed = changed.display().to_string();
    insta::assert_snapshot!("changed", shown(&run(&["export", &changed])));
    insta::assert_snapshot!("changed_json", shown(&run(&["export", &changed, "--json"])));
    let other = ["proof", "event-17.tlog-proof", "--event", "policy", "--vkey", VKEY];
    insta::assert_snapshot!("proof_of_another", shown(&run(&other)));
    // The file holds two signatures, none of which is this key's.
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let stranger = ["export", "book.jsonl", "--checkpoint", "book-200.checkpoint", "--vkey", key];
    insta::assert_snapshot!("stranger", shown(&run(&stranger)));
    insta::assert_snapshot!("stranger_json", shown(&run(&[&stranger[..], &["--json"]].concat())));
}

#[test]
fn where_nothing_was_checked_the_code_is_2() {
    for arguments in [
        &["export", "nothing.jsonl"][..],
        &["export", "."],
        &["export", "book.jsonl", "--checkpoint", "book-150.checkpoint"],
        &["export", "book.jsonl", "--checkpoint", "nothing", "--vkey", VKEY],
        &["export", "book.jsonl", "--checkpoint", "policy", "--policy", "book-150.checkpoint"],
        &["export", "book.jsonl", "--vkey", "quipu"],
        &["proof", "event-17.tlog-proof", "--event", "event-17.json"],
        &["consistency", "book-150.checkpoint"],
        &["audit"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", shown(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_export_is_read_from_standard_input() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quipu-verify"));
    let book = std::fs::File::open(vector("book.jsonl")).unwrap();
    let output = command.args(["export", "-"]).stdin(book).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
}

/// `check.py` shares nothing with this crate but the page that describes the formats.
#[test]
fn an_independent_verifier_comes_to_the_same_verdicts() {
    let book = std::fs::read_to_string(vector("book.jsonl")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("book.jsonl").display().to_string();
    let half = book.match_indices('\n').nth(140).unwrap().0;
    for (text, holds) in [
        (book.clone(), true),
        (book.replacen("\"actor\":\"local\"", "\"actor\":\"focal\"", 1), false),
        (book.replacen("\"quipu_journal\":1", "\"quipu_journal\":2", 1), false),
        (book[..=half].to_owned(), false),
        (book.trim_end().to_owned(), false),
        (format!("{book}\n"), false),
    ] {
        std::fs::write(&file, text).unwrap();
        for checkpoint in ["book-150.checkpoint", "book-200.checkpoint"] {
            let ours = run(&["export", &file, "--checkpoint", checkpoint, "--vkey", VKEY]);
            let mut theirs = Command::new("python3");
            theirs.args([&vector("check.py"), &file, &vector(checkpoint), VKEY]);
            let theirs = theirs.output().expect("python3 runs; `make test` installs it");
            let said = format!("{}\n{}", shown(&ours), shown(&theirs));
            assert_eq!(ours.status.success(), holds, "{said}");
            assert_eq!(theirs.status.code(), ours.status.code(), "{said}");
        }
    }
}

#[test]
fn it_explains_itself() {
    insta::assert_snapshot!("help", shown(&run(&["--help"])));
    for verb in ["export", "proof", "consistency"] {
        insta::assert_snapshot!(format!("help_{verb}"), shown(&run(&[verb, "--help"])));
    }
}
