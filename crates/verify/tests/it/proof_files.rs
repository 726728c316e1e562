//! Proof files of the real export.

use quipu_verify::{FileError, ProofError, Trust, verify_event, verify_growth};

use crate::support::{CHECKPOINT, Reference, Signer, checkpoint_text, commits, signed, trust};

const EVENT: &[u8] = include_bytes!("../../vectors/event-17.json");
const PROOF: &str = include_str!("../../vectors/event-17.tlog-proof");
const GROWTH: &str = include_str!("../../vectors/consistency-150-200.tlog-consistency");

fn policy() -> Trust {
    Trust::from_policy(include_str!("../../vectors/policy")).unwrap()
}

fn event(proof: &str) -> Result<(), FileError> {
    verify_event(proof.as_bytes(), EVENT, &policy()).map(drop)
}

fn growth(proof: &str) -> Result<(), FileError> {
    verify_growth(CHECKPOINT.as_bytes(), proof.as_bytes(), &trust()).map(drop)
}

#[test]
fn an_event_is_proved_with_a_quorum_of_witnesses() {
    let included = verify_event(PROOF.as_bytes(), EVENT, &policy()).unwrap();
    assert_eq!((included.position, included.checkpoint.size), (17, 200));
    assert_eq!(included.checkpoint.cosignatures[0].witness, "witness.quipu.example/w1");
    let with_line_feed = [EVENT, b"\n"].concat();
    assert!(verify_event(PROOF.as_bytes(), &with_line_feed, &policy()).is_ok());
    let with_extra = PROOF.replacen("@v1\n", "@v1\nextra aGVsbG8=\n", 1);
    assert_eq!(event(&with_extra), Ok(()), "nobody vouches for it, and it says nothing");
}

#[test]
fn every_changed_byte_of_the_event_or_the_proof_is_noticed() {
    for at in 0..EVENT.len() {
        let mut changed = EVENT.to_vec();
        changed[at] ^= 1 << (at % 8);
        assert!(verify_event(PROOF.as_bytes(), &changed, &policy()).is_err(), "byte {at}");
    }
    for (file, verify) in [
        (PROOF, &(|f: &[u8]| verify_event(f, EVENT, &policy()).is_err()) as &dyn Fn(&[u8]) -> bool),
        (GROWTH, &|f: &[u8]| verify_growth(CHECKPOINT.as_bytes(), f, &policy()).is_err()),
    ] {
        for at in 0..file.len() {
            let mut changed = file.as_bytes().to_vec();
            changed[at] ^= 1 << (at % 8);
            assert!(verify(&changed), "byte {at} of {file}");
        }
    }
}

#[test]
fn every_event_of_the_book_is_proved_at_its_place_and_at_no_other() {
    let events: Vec<String> = commits().into_iter().flatten().collect();
    let mut tree = Reference::new(events.iter().map(|event| event.clone().into_bytes()));
    let checkpoint = signed(&checkpoint_text(200, tree.root(200)), &[Signer::log()]);
    for index in 0..events.len() {
        let proof = |of: usize, path: String| {
            format!("c2sp.org/tlog-proof@v1\nindex {of}\n{path}\n{checkpoint}")
        };
        let path: String =
            tree.inclusion(index, 200).iter().map(|h| h.to_base64() + "\n").collect();
        let (here, event) = (proof(index, path.clone()), events[index].as_bytes());
        let included = verify_event(here.as_bytes(), event, &trust()).unwrap();
        assert_eq!(included.position, index as u64 + 1);
        let next = proof((index + 1) % 200, path);
        assert!(verify_event(next.as_bytes(), event, &trust()).is_err());
        let other = events[(index + 1) % 200].as_bytes();
        assert!(verify_event(here.as_bytes(), other, &trust()).is_err());
    }
}

#[test]
fn an_event_that_stands_elsewhere_than_it_says_is_no_evidence() {
    let text = "{\"position\":2,\"stream\":\"a/b\",\"version\":1,\"id\":\"\",\"recorded_at\":\"\"}";
    let mut tree = Reference::new([text.as_bytes().to_vec()]);
    let checkpoint = signed(&checkpoint_text(1, tree.root(1)), &[Signer::log()]);
    let proof = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{checkpoint}");
    let refused = verify_event(proof.as_bytes(), text.as_bytes(), &trust());
    assert_eq!(refused, Err(FileError::OtherPosition { says: 2, position: 1 }));
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let said = |result: Result<(), FileError>| result.unwrap_err().to_string();
    assert!(said(event("")).contains("no empty line"));
    assert!(said(event(&PROOF.replace("@v1", "@v2"))).contains("the first line"));
    assert!(said(event(&PROOF.replace("index 16", "index 016"))).contains("no line with"));
    assert!(said(event(&PROOF.replace("index 16", "index 15"))).contains("another root"));
    let many = PROOF.replacen(
        "index 16\n",
        &format!("index 16\n{}", ("A".repeat(43) + "=\n").repeat(65)),
        1,
    );
    assert!(said(event(&many)).contains("too many hashes"));
    let only_log = Trust::from_policy(include_str!("../../vectors/policy")).unwrap();
    let unsigned = PROOF.split("\u{2014} witness").next().unwrap();
    let refused = verify_event(unsigned.as_bytes(), EVENT, &only_log).unwrap_err().to_string();
    assert!(refused.contains("too few witnesses"), "{refused}");
    assert_eq!(
        growth(&GROWTH.replace("old 150", "old 149")),
        Err(FileError::OtherOld { begins: 149, old: 150 })
    );
}

#[test]
fn growth_is_proved_and_a_rewritten_past_is_not_growth() {
    let grown = verify_growth(CHECKPOINT.as_bytes(), GROWTH.as_bytes(), &trust()).unwrap();
    assert_eq!((grown.old.size, grown.new.size), (150, 200));
    let mut events: Vec<Vec<u8>> =
        commits().into_iter().flatten().map(String::into_bytes).collect();
    events[16].push(b' ');
    let mut fork = Reference::new(events);
    let path: String = fork.consistency(150, 200).iter().map(|h| h.to_base64() + "\n").collect();
    let checkpoint = signed(&checkpoint_text(200, fork.root(200)), &[Signer::log()]);
    let refused = growth(&format!("old 150\n{path}\n{checkpoint}")).unwrap_err();
    assert!(matches!(refused, FileError::Proof(ProofError::OtherOldRoot(_))), "{refused}");
}
