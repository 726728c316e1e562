//! The layout is the architecture: who may import whom is a committed list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Each crate and what of ours it may import. Test-only imports of `testkit` are free.
const EDGES: &[(&str, &[&str])] = &[
    ("quipu-domain", &[]),
    ("quipu-projections", &["quipu-domain"]),
    ("quipu-exports", &["quipu-domain", "quipu-projections"]),
    ("quipu-database", &[]),
    ("quipu-journal", &["quipu-database", "quipu-domain"]),
    ("quipu-replay", &["quipu-domain", "quipu-journal", "quipu-projections"]),
    ("quipu-engine", &["quipu-domain", "quipu-journal"]),
    ("quipu-views", &["quipu-database", "quipu-domain", "quipu-projections"]),
    (
        "quipu-api",
        &[
            "quipu-domain",
            "quipu-engine",
            "quipu-journal",
            "quipu-projections",
            "quipu-sealing",
            "quipu-proofs",
            "quipu-views",
        ],
    ),
    ("quipu-proofs", &["quipu-database", "quipu-domain", "quipu-files", "quipu-journal"]),
    ("quipu-load", &[]),
    ("quipu-files", &[]),
    ("quipu-sealing", &["quipu-domain", "quipu-files"]),
    (
        "quipu",
        &[
            "quipu-api",
            "quipu-database",
            "quipu-domain",
            "quipu-engine",
            "quipu-exports",
            "quipu-files",
            "quipu-journal",
            "quipu-load",
            "quipu-projections",
            "quipu-proofs",
            "quipu-replay",
            "quipu-sealing",
            "quipu-views",
        ],
    ),
    ("quipu-verify", &[]),
    ("quipu-testkit", &[]),
    ("quipu-tests", &[]),
    ("quipu-benches", &[]),
];

#[test]
fn crates_import_in_one_direction_only() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(name, edges)| (*name, edges.iter().copied().collect())).collect();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<&str> = packages.iter().map(|p| text(&p["name"])).collect();
    assert_eq!(names, allowed.keys().copied().collect(), "a crate was added or removed");
    for package in packages {
        let imports: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| text(&dependency["name"]))
            .filter(|name| names.contains(name))
            .collect();
        let name = text(&package["name"]);
        let forbidden: Vec<_> = imports.difference(&allowed[name]).collect();
        assert!(forbidden.is_empty(), "{name} must not import {forbidden:?}");
        let unused: Vec<_> = allowed[name].difference(&imports).collect();
        assert!(unused.is_empty(), "{name} does not import {unused:?}; take it off the list");
    }
}

/// What nothing needs is built and trusted all the same.
#[test]
fn every_crate_names_what_it_depends_on() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().expect("packages") {
        let folder = Path::new(text(&package["manifest_path"])).parent().expect("a file's folder");
        let (released, all) = (words_in(&folder.join("src")), words_in(folder));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let name = dependency["rename"].as_str().unwrap_or(text(&dependency["name"]));
            let words = if dependency["kind"].is_null() { &released } else { &all };
            let is_named = words.contains(&name.replace('-', "_"));
            assert!(is_named, "{} never names {name}; take it off Cargo.toml", package["name"]);
        }
    }
}

#[test]
fn the_core_knows_no_database_no_network_and_no_runtime() {
    let outside = ["rusqlite", "tokio-postgres", "tokio", "axum", "hyper", "refinery", "ureq"];
    let metadata = metadata();
    for package in metadata["packages"].as_array().expect("packages") {
        if !["quipu-domain", "quipu-projections", "quipu-exports"].contains(&text(&package["name"]))
        {
            continue;
        }
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let name = text(&dependency["name"]);
            assert!(!outside.contains(&name), "{} imports {name}", package["name"]);
        }
    }
}

/// Whoever trusts a verdict trusts what the verifier is made of.
#[test]
fn the_verifier_is_made_of_little_and_of_nothing_of_ours() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let verifier = packages.iter().find(|package| package["name"] == "quipu-verify");
    let dependencies = verifier.expect("it is there")["dependencies"].as_array().expect("a list");
    let released = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
    let names: Vec<&str> = released.map(|dependency| text(&dependency["name"])).collect();
    let expected = ["base64", "clap", "ed25519-dalek", "serde", "serde_json", "sha2", "thiserror"];
    assert_eq!(names, expected);
}

/// What would make the stored bytes or the folds depend on more than our own code, or bring a
/// second TLS.
#[test]
fn no_feature_that_endangers_the_bytes_is_on() {
    let tree = |arguments: &[&str]| {
        let output = cargo().arg("tree").args(arguments).output().expect("cargo runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let features = tree(&["--workspace", "-e", "features", "-i", "serde_json"]);
    assert!(features.contains("serde_json"), "the check looks at something");
    for feature in ["preserve_order", "arbitrary_precision"] {
        assert!(!features.contains(feature), "serde_json must not get {feature}");
    }
    // M6: zones are those that are compiled in, so that no machine folds a book differently.
    let features = tree(&["--workspace", "-e", "features", "-i", "jiff"]);
    assert!(features.contains("tzdb-bundle-always"), "the check looks at something");
    for feature in ["tzdb-zoneinfo", "tzdb-concatenated", "tz-system"] {
        assert!(!features.contains(feature), "jiff must not get {feature}");
    }
    let all = tree(&["--workspace", "--prefix", "none"]);
    for package in ["openssl-sys", "aws-lc-sys", "sqlx", "postgres-es"] {
        assert!(!all.lines().any(|line| line.starts_with(package)), "{package} is in the graph");
    }
}

/// The words of a folder's Rust files, without those of a package within it.
fn words_in(folder: &Path) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a folder that can be read").path();
        if path.is_dir() && !path.join("Cargo.toml").exists() {
            words.append(&mut words_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("Rust is text");
            let is_between = |c: char| !c.is_alphanumeric() && c != '_';
            words.extend(source.split(is_between).map(str::to_owned));
        }
    }
    words
}

fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command
}

fn metadata() -> Value {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .expect("cargo runs, because it runs this test");
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a name")
}
