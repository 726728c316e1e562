//! Keys, signed notes, cosignatures and policies.

use quipu_verify::{Checkpoint, CheckpointError, Hash, Trust, VerifierKey};

use crate::support::{Signer, VKEY, WITNESS, checkpoint_text, signed, trust};

const ROOT: Hash = Hash([7; 32]);

fn policy(lines: &str) -> Result<Trust, String> {
    Trust::from_policy(lines).map_err(|error| error.to_string())
}

fn with_witness(quorum: &str) -> Trust {
    policy(&format!("log {VKEY}\nwitness w1 {WITNESS}\nquorum {quorum}\n")).unwrap()
}

#[test]
fn keys_with_the_published_seeds_have_the_published_names() {
    assert_eq!(Signer::log().vkey(), VKEY);
    assert_eq!(Signer::witness().vkey(), WITNESS);
}

#[test]
fn a_changed_key_is_not_a_key() {
    for at in 0..VKEY.len() {
        let mut changed = VKEY.as_bytes().to_vec();
        changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(changed.parse::<VerifierKey>().is_err(), "{changed}");
    }
    for text in ["", "a", "a+b", "+67c87f4c+ATtq", "a+00000000+AQ==", "a b+216c6053+ATtq"] {
        assert!(text.parse::<VerifierKey>().is_err(), "{text:?}");
    }
}

#[test]
fn a_published_checkpoint_is_read() {
    let published = include_str!("../../vectors/cosigned.checkpoint");
    let checkpoint = Checkpoint::open(published.as_bytes(), &with_witness("w1")).unwrap();
    assert_eq!(checkpoint.origin, "quipu.example/t/acme");
    assert_eq!(checkpoint.size, 8);
    assert_eq!(checkpoint.root.to_base64(), "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=");
    assert_eq!(checkpoint.cosignatures[0].time, 1_735_689_600);
    let text = checkpoint_text(8, checkpoint.root);
    let ours = signed(&text, &[Signer::log(), Signer::witness()]);
    assert_eq!(ours, published, "Ed25519 signs the same text in the same way");
}

#[test]
fn a_checkpoint_signed_by_another_key_of_the_same_name_is_refused() {
    let text = checkpoint_text(8, ROOT);
    let forged = signed(&text, &[Signer::new("quipu.example/t/acme", 1, 9)]);
    let refused = Checkpoint::open(forged.as_bytes(), &trust()).unwrap_err();
    assert_eq!(refused, CheckpointError::NotTrusted { origin: "quipu.example/t/acme".to_owned() });
}

#[test]
fn a_trusted_log_cannot_speak_for_another() {
    let text = format!("quipu.example/t/birch\n8\n{}\n", ROOT.to_base64());
    let refused = Checkpoint::open(signed(&text, &[Signer::log()]).as_bytes(), &trust());
    assert!(matches!(refused, Err(CheckpointError::NotTrusted { .. })), "{refused:?}");
}

#[test]
fn unknown_keys_are_ignored_and_a_bad_signature_of_a_known_one_is_not() {
    let text = checkpoint_text(8, ROOT);
    let stranger = Signer::new("somebody.example", 1, 9);
    let both = signed(&text, &[Signer::new("somebody.example", 1, 9), Signer::log()]);
    assert!(Checkpoint::open(both.as_bytes(), &trust()).is_ok());
    // The stranger's line is about another text: nobody looks.
    let lines = format!("{}{}", stranger.line("another\n"), Signer::log().line(&text));
    assert!(Checkpoint::open(format!("{text}\n{lines}").as_bytes(), &trust()).is_ok());
    // The log's second line is: the whole note is refused.
    let lines = format!("{}{}", Signer::log().line(&text), Signer::log().line("another\n"));
    let refused = Checkpoint::open(format!("{text}\n{lines}").as_bytes(), &trust());
    assert!(matches!(refused, Err(CheckpointError::BadSignature { .. })), "{refused:?}");
}

#[test]
fn every_changed_byte_of_a_checkpoint_is_noticed() {
    let note = signed(&checkpoint_text(8, ROOT), &[Signer::log()]);
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            assert!(Checkpoint::open(&bytes, &trust()).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn either_key_of_a_rotation_is_enough() {
    let new = || Signer::new("quipu.example/t/acme", 1, 5);
    let note = signed(&checkpoint_text(8, ROOT), &[Signer::log(), new()]);
    for key in [VKEY.to_owned(), new().vkey()] {
        let trust = Trust::in_logs(vec![key.parse().unwrap()]).unwrap();
        assert!(Checkpoint::open(note.as_bytes(), &trust).is_ok(), "{key}");
    }
}

#[test]
fn a_quorum_asks_for_its_witnesses() {
    let witness = |seed| Signer::new(&format!("w{seed}.example"), 4, seed);
    let mut lines =
        format!("# three witnesses, of two houses\nlog {VKEY} https://quipu.example/\n\n");
    for seed in 1..=3 {
        lines += &format!("witness W{seed}\t{}\n", witness(seed).vkey());
    }
    let open = |rule: &str, seeds: &[u8]| {
        let signers = std::iter::once(Signer::log()).chain(seeds.iter().map(|seed| witness(*seed)));
        let signers: Vec<Signer> = signers.collect();
        let note = signed(&checkpoint_text(8, ROOT), &signers);
        Checkpoint::open(note.as_bytes(), &policy(&format!("{lines}{rule}")).unwrap())
    };
    let two = "group two 2 W1 W2 W3\nquorum two\n";
    let houses = "group first any W1 W2\ngroup both all first W3\nquorum both\n";
    for (rule, seeds, holds) in [
        ("quorum none\n", &[][..], true),
        ("quorum W2\n", &[2], true),
        ("quorum W2\n", &[1, 3], false),
        (two, &[1], false),
        (two, &[1, 3], true),
        (houses, &[1, 2], false),
        (houses, &[3], false),
        (houses, &[2, 3], true),
    ] {
        let opened = open(rule, seeds);
        assert_eq!(opened.is_ok(), holds, "{rule} {seeds:?}: {opened:?}");
    }
    let short = open(two, &[2]).unwrap_err();
    assert_eq!(short, CheckpointError::NoQuorum { cosigned: "w2.example".to_owned() });
}

#[test]
fn a_witness_cannot_sign_twice_for_a_quorum_nor_a_log_be_a_witness() {
    let note = signed(&checkpoint_text(8, ROOT), &[Signer::log()]);
    let refused = Checkpoint::open(note.as_bytes(), &with_witness("w1"));
    assert!(matches!(refused, Err(CheckpointError::NoQuorum { .. })), "{refused:?}");
    assert!(Trust::in_logs(vec![WITNESS.parse().unwrap()]).is_err());
}

#[test]
fn a_policy_that_could_be_misread_is_refused_with_its_line() {
    let log = format!("log {VKEY}\n");
    let witness = format!("witness W {WITNESS}\n");
    for (lines, line) in [
        (log.clone(), 3),
        (format!("{log}quorum none\nquorum none\n"), 3),
        (format!("{log}{log}quorum none\n"), 2),
        (format!("{log}{witness}{witness}quorum W\n"), 3),
        (format!("{log}{witness}witness V {WITNESS}\nquorum W\n"), 3),
        (format!("{log}quorum W\n{witness}"), 2),
        (format!("{log}{witness}group G 2 W\nquorum G\n"), 3),
        (format!("{log}{witness}group G 0 W\nquorum G\n"), 3),
        (format!("{log}{witness}group G any\nquorum G\n"), 3),
        (format!("{log}{witness}group G any W\ngroup H any W\nquorum H\n"), 4),
        (format!("{log}{witness}group W any W\nquorum W\n"), 3),
        (format!("{log}witness none {WITNESS}\nquorum none\n"), 2),
        (format!("log {WITNESS}\nquorum none\n"), 1),
        (format!("{log}witness W {VKEY}\nquorum W\n"), 2),
        (format!("{log}\r\nquorum none\n"), 2),
        (format!("{log}Quorum none\n"), 2),
        (format!("{log}quorum none none\n"), 2),
    ] {
        let refused = policy(&lines).unwrap_err();
        assert!(refused.starts_with(&format!("line {line} ")), "{refused}\n{lines}");
    }
}

#[test]
fn what_is_not_a_checkpoint_is_said_to_be_none() {
    let open = |text: &str| Checkpoint::open(text.as_bytes(), &trust()).unwrap_err().to_string();
    let root = ROOT.to_base64();
    for text in [
        format!("\n8\n{root}\n"),
        format!("quipu.example/t/acme\n08\n{root}\n"),
        format!("quipu.example/t/acme\n-8\n{root}\n"),
        format!("quipu.example/t/acme\n+8\n{root}\n"),
        format!("quipu.example/t/acme\n8\n{}\n", &root[..40]),
        format!("quipu.example/t/acme\n8\n{root}\n\nextension\n"),
        "quipu.example/t/acme\n8\n".to_owned(),
    ] {
        let said = open(&signed(&text, &[Signer::log()]));
        assert!(said.starts_with("its text is not a checkpoint"), "{said}: {text:?}");
    }
    for note in ["", "a", "a\n\n", "a\n\n\n", "a\n\nb\n", "a\t\n\n\u{2014} b AAAA\n"] {
        let said = open(note);
        assert!(said.starts_with("it is not a signed checkpoint"), "{said}: {note:?}");
    }
    let extended = |bytes| format!("{}{}\n", checkpoint_text(8, ROOT), "x".repeat(bytes));
    let said = open(&signed(&extended(1 << 16), &[Signer::log()]));
    assert!(said.contains("larger than 64 KiB"), "{said}");
    let fits = signed(&extended(1 << 15), &[Signer::log()]);
    assert!(Checkpoint::open(fits.as_bytes(), &trust()).is_ok());
}
