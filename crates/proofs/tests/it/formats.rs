//! The published vectors: C2SP's and RFC 6962's, and a sample whose keys are known.

use std::convert::Infallible;

use base64::Engine as _;
use quipu_domain::Position;
use quipu_journal::{Root, leaf_hash, node_hash};
use quipu_proofs::{
    AddCheckpoint, Algorithm, Checkpoint, KeyFolder, SignedNote, Subtrees, VerifierKey, Witness,
    inclusion, root,
};

use crate::support::{Book, now};

/// The example of c2sp.org/signed-note, and that of the Go package it comes from.
const PUBLISHED: [(&str, &str); 2] = [
    (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
    ),
    (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    ),
];

/// A checkpoint of a public log of certificates, and those of its signers whose keys follow: the
/// log, and four witnesses.
const WITNESSED: &str = "\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

\u{2014} arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
\u{2014} arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
\u{2014} transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
\u{2014} witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
\u{2014} remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
\u{2014} witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
";
const SIGNERS: [&str; 5] = [
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f",
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
];

/// The leaves of RFC 6962's reference tree.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

struct Reference;

impl Subtrees for Reference {
    type Error = Infallible;

    fn subtree(&mut self, level: u32, index: u64) -> Result<Root, Infallible> {
        if level == 0 {
            return Ok(leaf_hash(LEAVES[usize::try_from(index).unwrap()]));
        }
        let left = self.subtree(level - 1, 2 * index)?;
        Ok(node_hash(&left, &self.subtree(level - 1, 2 * index + 1)?))
    }
}

#[test]
fn the_reference_tree_has_its_published_heads_and_proof() {
    let head = |size| root(&mut Reference, size).map(|root| root.to_string()).unwrap();
    assert_eq!(head(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(head(1), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(head(3), "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77");
    assert_eq!(head(7), "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c");
    assert_eq!(head(8), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    let proof: Vec<tlog_tiles::Hash> = [
        "B1Bqhf2d0vEg62lPhgEeW7RmLlxBWmKRcDPUqWJEh+c=",
        "+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU=",
        "a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=",
    ]
    .map(|hash| tlog_tiles::Hash::parse_hash(hash).unwrap())
    .into();
    let Ok(ours) = inclusion(&mut Reference, 2, 8);
    assert_eq!(crate::support::all_foreign(&ours), proof);
}

#[test]
fn a_public_checkpoint_is_signed_by_its_log_and_its_witnesses() {
    let note = SignedNote::parse(WITNESSED).unwrap();
    let checkpoint = Checkpoint::of(&note).unwrap();
    assert_eq!(checkpoint.origin, "arche2025h1.staging.ct.transparency.dev");
    assert_eq!(checkpoint.size, 1_432_088_532);
    assert_eq!(checkpoint.to_string(), note.text);
    assert_eq!(note.to_string(), WITNESSED);
    for (index, vkey) in SIGNERS.into_iter().enumerate() {
        let key: VerifierKey = vkey.parse().unwrap();
        assert_eq!(key.to_string(), vkey);
        assert_eq!(key.algorithm() == Algorithm::Witness, index > 0);
        assert_eq!(key.has_signed(&note), Ok(true), "{vkey}");
    }
}

/// A book of eight events, signed with the secret key of 32 zeros and cosigned with that of 32 ones,
/// as a vector for whoever writes a verifier of his own.
#[test]
fn our_own_sample_stays_as_it_is() {
    let mut book = Book::new();
    book.keys = known_key(&book, "log", 0);
    let witness_keys = known_key(&book, "witness", 1);
    book.write(8);
    let published = book.publisher().publish(book.head(), now()).unwrap().unwrap();
    let log = book.publisher().verifiers(now()).unwrap();
    let name = "witness.example/w1".parse().unwrap();
    let witness = Witness::new(name, witness_keys, log.clone()).unwrap();
    let cosigner = witness.verifiers(now()).unwrap().remove(0);
    let request = book.proofs.consistency(0, None).unwrap();
    let lines = witness.add_checkpoint(&request, now()).unwrap();
    assert!(book.publisher().keep_cosignatures(&published, &cosigner, &lines).unwrap());
    let proof = book.proofs.inclusion(Position(3), None).unwrap();
    insta::assert_snapshot!(
        "sample",
        format!("log: {}\nwitness: {cosigner}\nevent: {}\n\n{proof}", log[0], book.text(3))
    );
    let (_, note) = proof.split_once("\n\n").unwrap();
    let note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    let verifier = signed_note::StandardVerifier::new(&log[0].to_string()).unwrap();
    note.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).unwrap();
}

/// A folder with one key whose secret is known.
fn known_key(book: &Book, name: &str, byte: u8) -> KeyFolder {
    let folder = KeyFolder::open(&book.folder.path().join(name)).unwrap();
    let id = folder.generate(now()).unwrap().id;
    let file = folder.path().join(format!("{id}.key"));
    let text = std::fs::read_to_string(&file).unwrap();
    let secret = text.split('"').rev().nth(1).unwrap();
    let known = base64::engine::general_purpose::STANDARD.encode([byte; 32]);
    // Written in place, so that it stays its owner's alone.
    std::fs::write(&file, text.replace(secret, &known)).unwrap();
    folder
}

#[test]
fn published_notes_are_signed_by_their_published_keys() {
    for (vkey, note) in PUBLISHED {
        let key: VerifierKey = vkey.parse().unwrap();
        assert_eq!(key.to_string(), vkey);
        let parsed = SignedNote::parse(note).unwrap();
        assert_eq!(parsed.to_string(), note);
        assert_eq!(key.has_signed(&parsed), Ok(true));
        let forged = SignedNote::parse(&note.replacen("is", "was", 1)).unwrap();
        assert!(key.has_signed(&forged).is_err());
        assert_eq!(key.has_signed(&SignedNote::parse(WITNESSED).unwrap()), Ok(false));
    }
}

#[test]
fn every_changed_byte_of_a_checkpoint_is_noticed() {
    // The first of the log's two signatures is of a kind that is not read here.
    let (text, lines) = WITNESSED.split_once("\n\n").unwrap();
    let lines: String = lines.split_inclusive('\n').skip(1).collect();
    let sample = format!("{text}\n\n{lines}");
    let keys = SIGNERS.map(|vkey| vkey.parse::<VerifierKey>().unwrap());
    for index in 0..sample.len() {
        for bit in [1, 32] {
            let mut bytes = sample.as_bytes().to_vec();
            bytes[index] ^= bit;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let Ok(note) = SignedNote::parse(&text) else { continue };
            let all = keys.iter().all(|key| key.has_signed(&note) == Ok(true));
            assert!(!all, "byte {index}: {text}");
        }
    }
}

#[test]
fn what_is_no_note_no_checkpoint_and_no_key_is_refused() {
    let line = WITNESSED.lines().nth(4).unwrap();
    for bad in [
        "",
        "\n",
        "a\n",
        "a\n\n",
        &format!("a\n\n{line}"),
        &format!("a\n{line}\n"),
        "a\n\n- name aaaaaaaa\n",
        "a\n\n\u{2014} name \n",
        "a\n\n\u{2014} name AAAA\n",
        "a\n\n\u{2014} na+me AAAAAAAA\n",
        &format!("a\r\n\n{line}\n"),
        &format!("a\n\n{}", format!("{line}\n").repeat(101)),
    ] {
        assert!(SignedNote::parse(bad).is_err(), "{bad:?}");
    }
    let hash = WITNESSED.lines().nth(2).unwrap();
    for text in [
        format!("o\n01\n{hash}\n"),
        format!("o\n+1\n{hash}\n"),
        format!("o\n\n{hash}\n"),
        "o\n1\nAAAA\n".to_owned(),
        format!("\n1\n{hash}\n"),
        "o\n1\n".to_owned(),
        format!("o\n1\n{hash}\n\nmore\n"),
    ] {
        assert!(
            Checkpoint::of(&SignedNote { text: text.clone(), signatures: vec![] }).is_err(),
            "{text:?}"
        );
    }
    for bad in [
        "",
        "a",
        "a+b+c",
        &SIGNERS[0].replace("ba2f", "ba3f"),
        &SIGNERS[0].replace("arche", "sarch"),
        &format!("{}A", SIGNERS[0]),
    ] {
        assert!(bad.parse::<VerifierKey>().is_err(), "{bad:?}");
    }
    for bad in ["", "old 1\n", "old 01\n\n", "new 1\n\n", "old 1\nx\n\n"] {
        assert!(AddCheckpoint::parse(&format!("{bad}{WITNESSED}")).is_err(), "{bad:?}");
    }
    let hashes = format!("{hash}\n");
    assert!(AddCheckpoint::parse(&format!("old 1\n{}\n{WITNESSED}", hashes.repeat(63))).is_ok());
    assert!(AddCheckpoint::parse(&format!("old 1\n{}\n{WITNESSED}", hashes.repeat(64))).is_err());
}
