//! Checkpoints, proofs and keys on the screen.

use quipu::exit_codes;
use serde_json::json;

use crate::program::{Run, Server, quipu, run};

#[test]
fn keys_checkpoints_and_proofs_are_shown() {
    let server = Server::start();
    server.post("/v1/tenants", "tenant", &json!({ "id": "t_acme", "name": "Acme" }));
    let (url, out) = (server.url.clone(), server.data());
    let shown = |name: &str, arguments: &[&str]| {
        insta::assert_snapshot!(name, run(arguments).redacted(&server));
    };
    shown("prove", &["prove", "1", "--server", &url, "--out", &out]);
    shown("prove_json", &["prove", "1", "--server", &url, "--out", &out, "--json"]);
    shown("checkpoint", &["checkpoint", "--server", &url]);
    let checkpoint = run(&["checkpoint", "--server", &url]);
    let old = format!("{out}/old");
    std::fs::write(&old, checkpoint.out()).unwrap();
    shown("prove_consistency", &["prove", "--consistency", &old, "--server", &url, "--out", &out]);
    shown("keys_list", &["keys", "--data", &out, "list"]);
    let rotated = run(&["keys", "--data", &out, "rotate", "--overlap-days", "7", "--json"]);
    let keys = rotated.json();
    assert_eq!(keys.as_array().map(Vec::len), Some(2));
    assert_eq!((&keys[0]["active"], &keys[1]["active"]), (&true.into(), &true.into()));
    assert!(keys[0]["ends_at"].is_string() && keys[1]["ends_at"].is_null(), "{keys}");

    let held = run(&["verify", "--data", &out, "--checkpoint", &old]);
    assert_eq!(held.code(), i32::from(exit_codes::OK), "{}", held.err());

    let changed = checkpoint.out().replacen("\n1\n", "\n9\n", 1);
    std::fs::write(&old, changed).unwrap();
    let caught = run(&["prove", "--consistency", &old, "--server", &url]);
    assert_eq!(caught.code(), i32::from(exit_codes::NOT_VERIFIED), "{}", caught.err());
    let verified = run(&["verify", "--data", &out, "--checkpoint", &old]);
    assert_eq!(verified.code(), i32::from(exit_codes::NOT_VERIFIED), "{}", verified.out());
    let no_checkpoint = run(&["verify", "--data", &out, "--checkpoint", "/nonexistent"]);
    assert_eq!(no_checkpoint.code(), i32::from(exit_codes::MALFORMED));
    insta::assert_snapshot!("prove_consistency_caught", caught.redacted(&server));
}

#[test]
fn what_cannot_be_proved_is_said_with_what_to_do() {
    let server = Server::start();
    let (url, data) = (server.url.clone(), server.data());
    let beyond = run(&["prove", "7", "--server", &url]);
    assert_eq!(beyond.code(), i32::from(exit_codes::REFUSED), "{}", beyond.err());
    let beyond = run(&["prove", "7", "--data", &data]);
    assert_eq!(beyond.code(), i32::from(exit_codes::REFUSED), "{}", beyond.err());
    let neither = run(&["prove", "--server", &url]);
    assert_eq!(neither.code(), i32::from(exit_codes::MALFORMED), "{}", neither.err());
    let no_file = run(&["prove", "--consistency", "/nonexistent", "--server", &url]);
    assert_eq!(no_file.code(), i32::from(exit_codes::MALFORMED), "{}", no_file.err());
    let nowhere = format!("{data}/no/folder");
    let no_folder = run(&["prove", "1", "--server", &url, "--out", &nowhere]);
    assert_eq!(no_folder.code(), i32::from(exit_codes::REFUSED), "nothing is there to prove");
    server.post("/v1/tenants", "tenant", &json!({ "id": "t_acme", "name": "Acme" }));
    let no_folder = run(&["prove", "1", "--server", &url, "--out", &nowhere]);
    assert_eq!(no_folder.code(), i32::from(exit_codes::MALFORMED), "{}", no_folder.err());
    assert!(no_folder.err().contains(&nowhere), "{}", no_folder.err());
    let both = run(&["checkpoint", "--server", &url, "--data", &data]);
    assert_eq!(both.code(), i32::from(exit_codes::MALFORMED), "{}", both.out());
    let no_keys = run(&["keys", "--keys", &format!("{data}/nowhere"), "list"]);
    assert_eq!(no_keys.code(), i32::from(exit_codes::UNUSABLE), "{}", no_keys.err());
    let in_database = run(&["keys", "--database", "postgres://nowhere/", "list"]);
    assert_eq!(in_database.code(), i32::from(exit_codes::MALFORMED), "{}", in_database.err());
    for vkey in ["x", "example.com/foo+530d903a+AZyn9L33bRVcHCHM1Zoqy/mmBpQ0W4oyNpNJ/mZVvTyN"] {
        let witness = format!("http://127.0.0.1:1={vkey}");
        let not_a_witness = run(&["serve", "--data", &data, "--witness", &witness]);
        assert_eq!(not_a_witness.code(), i32::from(exit_codes::MALFORMED));
    }
}

/// Whoever ends a leaked key must not believe that it is ended where it is not.
#[test]
fn keys_are_rotated_only_where_there_are_some_and_what_was_changed_is_said() {
    let folder = quipu_testkit::sqlite::folder();
    let nothing = folder.path().join("nothing").display().to_string();
    let refused = run(&["keys", "--data", &nothing, "rotate"]);
    assert_eq!(refused.code(), i32::from(exit_codes::UNUSABLE), "{}", refused.out());
    assert!(refused.err().contains("there are no keys in "), "{}", refused.err());
    assert!(!folder.path().join("nothing").exists());
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let keys = empty.display().to_string();
    let refused = run(&["keys", "--keys", &keys, "rotate"]);
    assert_eq!(refused.code(), i32::from(exit_codes::UNUSABLE), "{}", refused.out());
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);

    for (verb, count) in [("generate", 1), ("rotate", 2)] {
        let changed = run(&["keys", "--keys", &keys, verb, "--json"]);
        assert_eq!(changed.code(), i32::from(exit_codes::OK), "{}", changed.err());
        let listed = changed.json();
        let key = listed[count - 1]["key"].as_str().unwrap().to_owned();
        assert_eq!(listed.as_array().map(Vec::len), Some(count));
        assert!(changed.err().contains(&format!("made key {key} in {keys}")), "{}", changed.err());
    }
}

#[test]
fn the_book_that_the_environment_names_is_read_unless_a_server_is_named() {
    let server = Server::start();
    server.post("/v1/tenants", "tenant", &json!({ "id": "t_acme", "name": "Acme" }));
    let (url, data) = (server.url.clone(), server.data());
    let first = run(&["checkpoint", "--server", &url, "--json"]);
    assert_eq!(first.code(), i32::from(exit_codes::OK), "{}", first.err());
    let nothing = format!("{data}/nothing");
    let nowhere = "http://127.0.0.1:1";
    let said = |arguments: &[&str], environment: &[(&str, &str)]| {
        Run::of(quipu(arguments).envs(environment.iter().copied()))
    };
    for (arguments, environment) in [
        (&["checkpoint"][..], &[("QUIPU_DATA", data.as_str()), ("QUIPU_SERVER", nowhere)][..]),
        (&["prove", "1", "--out", &data], &[("QUIPU_DATA", &data)]),
        (&["checkpoint", "--server", &url], &[("QUIPU_DATA", &nothing), ("QUIPU_SERVER", nowhere)]),
        (&["checkpoint", "--data", &data], &[("QUIPU_DATA", &nothing)]),
        (&["checkpoint"], &[("QUIPU_SERVER", &url)]),
    ] {
        let said = said(arguments, environment);
        assert_eq!(said.code(), 0, "{arguments:?} {environment:?}: {}", said.err());
    }
    let no_book = said(&["checkpoint"], &[("QUIPU_DATA", &nothing), ("QUIPU_SERVER", &url)]);
    assert_eq!(no_book.code(), i32::from(exit_codes::UNUSABLE), "{}", no_book.err());
    let nobody = said(&["checkpoint"], &[("QUIPU_SERVER", nowhere)]);
    assert_eq!(nobody.code(), i32::from(exit_codes::UNAVAILABLE), "{}", nobody.err());
}
