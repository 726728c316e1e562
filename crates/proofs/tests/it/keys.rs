//! The key folder.

use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::PermissionsExt;

use quipu_proofs::{Algorithm, KeyFolder, ProofError};

use crate::support::{at, now};

#[test]
fn keys_are_their_owners_alone() {
    let folder = quipu_testkit::sqlite::folder();
    let keys = KeyFolder::open(&folder.path().join("new/keys")).unwrap();
    let key = keys.generate(now()).unwrap();
    let file = keys.path().join(format!("{}.key", key.id));
    let mode = |path| metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(keys.path()), mode(&file)), (0o700, 0o600));
    assert_eq!(keys.list().unwrap(), std::slice::from_ref(&key));
    let secret = std::fs::read_to_string(&file).unwrap();
    let secret = secret.split('"').rev().nth(1).unwrap();
    assert_eq!(secret.len(), 44, "32 bytes in base64");
    assert!(!format!("{key:?} {keys:?}").contains(secret));

    set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let refused = keys.list().unwrap_err().to_string();
    assert!(refused.contains("chmod 600") && !refused.contains(secret), "{refused}");
    set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, format!("{{\"ed25519_secret\": 7, {secret}")).unwrap();
    let refused = keys.list().unwrap_err().to_string();
    assert!(!refused.contains(&secret[..8]), "{refused}");
}

#[test]
fn after_a_rotation_both_keys_sign_for_a_while() {
    let folder = quipu_testkit::sqlite::folder();
    let keys = KeyFolder::open(folder.path()).unwrap();
    let old = keys.generate(at("2026-01-01T00:00:00Z")).unwrap();
    let (rotated, end) = (at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z"));
    let new = keys.rotate(rotated, end).unwrap();
    let listed = keys.list().unwrap();
    assert_eq!(listed.iter().map(|key| &key.id).collect::<Vec<_>>(), [&old.id, &new.id]);
    assert_eq!((listed[0].ends_at, listed[1].ends_at), (Some(end), None));
    let active = |time| listed.iter().filter(|key| key.is_active(at(time))).count();
    assert_eq!((active("2026-06-30T23:59:59Z"), active("2026-07-01T00:00:00Z")), (2, 1));
    // A second rotation shortens what is left, and never lengthens it.
    keys.rotate(at("2026-06-02T00:00:00Z"), at("2026-08-01T00:00:00Z")).unwrap();
    let ends: Vec<_> = keys.list().unwrap().iter().map(|key| key.ends_at).collect();
    assert_eq!(ends, [Some(end), Some(at("2026-08-01T00:00:00Z")), None]);
    // The same key under two names, or for two purposes, is two keys to those who verify.
    let verifier = |name, algorithm| new.verifier(name, algorithm).id();
    assert_ne!(verifier("a/e1", Algorithm::Log), verifier("a/e2", Algorithm::Log));
    assert_ne!(verifier("a/e1", Algorithm::Log), verifier("a/e1", Algorithm::Witness));
}

#[test]
fn a_spoilt_memory_of_what_was_signed_is_not_taken_for_none() {
    let folder = quipu_testkit::sqlite::folder();
    let keys = KeyFolder::open(folder.path()).unwrap();
    assert_eq!(keys.last_signed().unwrap(), None);
    std::fs::write(folder.path().join("last-signed.json"), "{").unwrap();
    assert!(matches!(keys.last_signed(), Err(ProofError::File { .. })));
}
