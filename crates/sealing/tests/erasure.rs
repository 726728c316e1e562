//! Keys live as long as they must, and no longer (P1 to P4).

#![allow(clippy::unwrap_used, reason = "a test that cannot set its case up fails")]

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;

use quipu_domain::{Label, Personal, TenantId};
use quipu_sealing::{Opened, SealingError, SubjectKeys};
use tempfile::TempDir;

const NAME: &str = "Erika Mustermann";

fn subject(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn name() -> Label {
    NAME.parse().unwrap()
}

fn text() -> Opened {
    Opened::Text(NAME.to_owned())
}

fn erase(keys: &SubjectKeys, id: &str) {
    let doomed = keys.retire(&subject(id), []).unwrap();
    keys.destroy(&subject(id), &doomed).unwrap();
}

#[test]
fn p1_a_text_is_sealed_differently_each_time_and_opens_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let sealed = keys.seal(&subject("t_a"), &name()).unwrap();
    let again = keys.seal(&subject("t_a"), &name()).unwrap();
    assert_ne!(sealed, again);
    assert!(!sealed.as_str().contains("Erika"));
    assert_eq!(sealed.as_str().parse::<Personal>().unwrap(), sealed);
    let keys = SubjectKeys::open(folder.path()).unwrap();
    assert_eq!(keys.open_text(&sealed), text());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "one key for both");
}

#[test]
fn p1_the_length_of_a_short_text_does_not_show() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let sealed = |text: &str| {
        let sealed = keys.seal(&subject("t_a"), &text.parse().unwrap()).unwrap();
        assert_eq!(keys.open_text(&sealed), Opened::Text(text.to_owned()));
        sealed.as_str().len()
    };
    assert_eq!(sealed("A"), sealed("Erika Mustermann of Examplestown"));
    assert_ne!(sealed("A"), sealed(&"A".repeat(33)));
}

#[test]
fn p1_the_longest_text_there_is_can_be_sealed() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let longest: Label = "\u{1F600}".repeat(Label::MOST_CHARS).parse().unwrap();
    let sealed = keys.seal(&subject("t_a"), &longest).unwrap();
    assert_eq!(sealed.as_str().parse::<Personal>().unwrap(), sealed);
    assert_eq!(keys.open_text(&sealed), Opened::Text(longest.as_str().to_owned()));
}

#[test]
fn p3_a_sealed_text_is_bound_to_its_subject_and_to_every_byte() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let sealed = keys.seal(&subject("t_a"), &name()).unwrap();
    let key_file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let stolen = key_file.to_str().unwrap().replace("t_a.", "t_b.");
    fs::copy(&key_file, stolen).unwrap();
    let moved: Personal = sealed.as_str().replace("t_a", "t_b").parse().unwrap();
    assert_eq!(keys.open_text(&moved), Opened::Unreadable);
    let last = if sealed.as_str().ends_with('A') { "B" } else { "A" };
    let cut = &sealed.as_str()[..sealed.as_str().len() - 5];
    for changed in [cut.to_owned(), format!("{cut}{last}AAAA")] {
        assert_eq!(keys.open_text(&changed.parse().unwrap()), Opened::Unreadable);
    }
}

#[test]
fn p4_an_erased_subject_is_erased_in_memory_on_disk_and_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let (erased, kept) = (
        keys.seal(&subject("t_a"), &name()).unwrap(),
        keys.seal(&subject("t_b"), &name()).unwrap(),
    );
    assert_eq!(keys.open_text(&erased), text());
    erase(&keys, "t_a");
    assert_eq!(keys.open_text(&erased), Opened::Erased);
    assert_eq!(keys.open_text(&kept), text());
    erase(&keys, "t_a");
    let keys = SubjectKeys::open(folder.path()).unwrap();
    assert_eq!(keys.open_text(&erased), Opened::Unreadable, "the register is read by the server");
    assert_eq!(keys.open_text(&kept), text());
}

#[test]
fn p4_what_is_given_after_an_erasure_has_a_new_key_that_can_be_erased_too() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let before = keys.seal(&subject("t_a"), &name()).unwrap();
    let doomed = keys.retire(&subject("t_a"), []).unwrap();
    let between = keys.seal(&subject("t_a"), &name()).unwrap();
    keys.destroy(&subject("t_a"), &doomed).unwrap();
    assert_eq!(keys.open_text(&before), Opened::Erased);
    assert_eq!(keys.open_text(&between), text());
    erase(&keys, "t_a");
    assert_eq!(keys.open_text(&between), Opened::Erased);
}

#[test]
fn p4_every_key_of_a_subject_is_found_and_nobody_elses() {
    let folder = TempDir::new().unwrap();
    // Two programs that met the subject at the same time made a key each.
    let (one, other) =
        (SubjectKeys::open(folder.path()).unwrap(), SubjectKeys::open(folder.path()).unwrap());
    let sealed = [&one, &other].map(|keys| keys.seal(&subject("t_a"), &name()).unwrap());
    let of_others = one.seal(&subject("t_a.b"), &name()).unwrap();
    assert_eq!(one.retire(&subject("t_a"), []).unwrap().len(), 2);
    erase(&one, "t_a");
    assert_eq!(sealed.map(|sealed| one.open_text(&sealed)), [Opened::Erased, Opened::Erased]);
    assert_eq!(one.open_text(&of_others), text());
    assert_eq!(
        one.retire(&subject("t_a.b"), []).unwrap().len(),
        1,
        "a point in an id is no end of it"
    );
}

#[test]
fn p1_of_two_first_texts_at_the_same_time_one_makes_the_key_of_both() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let together = std::sync::Barrier::new(4);
    for id in ["t_a", "t_b", "t_c", "t_d", "t_e"] {
        std::thread::scope(|scope| {
            let seal = || {
                together.wait();
                keys.seal(&subject(id), &name()).unwrap()
            };
            let sealing: Vec<_> = (0..4).map(|_| scope.spawn(seal)).collect();
            for sealed in sealing {
                assert_eq!(keys.open_text(&sealed.join().unwrap()), text());
            }
        });
        assert_eq!(keys.retire(&subject(id), []).unwrap().len(), 1, "{id}");
    }
}

#[test]
fn p4_a_destroyed_keys_file_is_overwritten_for_who_still_has_it_open() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    keys.seal(&subject("t_a"), &name()).unwrap();
    let key_file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let mut open = fs::File::open(&key_file).unwrap();
    erase(&keys, "t_a");
    assert!(!key_file.exists());
    let mut bytes = Vec::new();
    open.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, [0; 64]);
}

#[test]
fn p4_an_erasure_that_the_folder_refuses_is_an_error() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    keys.seal(&subject("t_a"), &name()).unwrap();
    let doomed = keys.retire(&subject("t_a"), []).unwrap();
    let key_file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&key_file).unwrap();
    // Nobody, not even root, removes a folder as if it were a file.
    fs::create_dir(&key_file).unwrap();
    let refused = keys.destroy(&subject("t_a"), &doomed).unwrap_err();
    assert!(matches!(refused, SealingError::Folder { what: "destroy", .. }), "{refused}");
}

#[test]
fn p4_a_key_that_cannot_be_destroyed_spares_no_other() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    // Two programs that met the subject at the same time made a key each.
    let other = SubjectKeys::open(folder.path()).unwrap();
    for program in [&keys, &other] {
        program.seal(&subject("t_a"), &name()).unwrap();
    }
    let doomed = keys.retire(&subject("t_a"), []).unwrap();
    let file = |key| folder.path().join(format!("t_a.{key}"));
    fs::remove_file(file(doomed[0])).unwrap();
    fs::create_dir(file(doomed[0])).unwrap();
    assert!(keys.destroy(&subject("t_a"), &doomed).is_err());
    assert!(!file(doomed[1]).exists());
}

#[test]
fn p4_a_digest_cannot_be_repeated_after_an_erasure() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let digest = |keys: &SubjectKeys| keys.digests(&subject("t_a"), b"a request").unwrap();
    let first = digest(&keys);
    assert_eq!(digest(&SubjectKeys::open(folder.path()).unwrap()), first);
    erase(&keys, "t_a");
    assert_ne!(digest(&keys), first);
}

/// As a server that waited for another one to let the book go.
#[test]
fn p3_a_key_that_another_server_has_made_is_used() {
    let folder = TempDir::new().unwrap();
    let open = || SubjectKeys::open(folder.path()).unwrap();
    let (old, new) = (open(), open());
    let digests = |keys: &SubjectKeys| keys.digests(&subject("t_a"), b"a request").unwrap();
    let before = digests(&old);
    new.read_again().unwrap();
    assert_eq!(digests(&new), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // What was erased before it was read again stays so.
    erase(&old, "t_a");
    new.read_again().unwrap();
    assert_ne!(digests(&new).current, before.current);
}

#[test]
fn p3_a_digest_is_known_under_every_key_there_is_after_every_start() {
    let folder = TempDir::new().unwrap();
    let open = || SubjectKeys::open(folder.path()).unwrap();
    let digests = |keys: &SubjectKeys| {
        let digests = keys.digests(&subject("t_a"), b"a request").unwrap();
        (digests.current, digests.others)
    };
    let ((one, _), (other, _)) = {
        let servers = [open(), open()];
        (digests(&servers[0]), digests(&servers[1]))
    };
    assert_ne!(one, other);
    let (current, others) = digests(&open());
    assert!((current, &others[..]) == (one, &[other]) || (current, &others[..]) == (other, &[one]));
    for _ in 0..3 {
        assert_eq!(digests(&open()), (current, others.clone()), "the same after every start");
    }
    digests(&open());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn p4_an_erasure_that_is_given_up_leaves_the_key_as_it_was() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let digests = || keys.digests(&subject("t_a"), b"a request").unwrap();
    let before = digests();
    let retired = keys.retire(&subject("t_a"), []).unwrap();
    let meanwhile = digests();
    assert_eq!(meanwhile.others, [before.current], "known, and nothing more is sealed with it");
    keys.spare(&retired);
    let after = digests();
    assert!(after.current == before.current || after.others == [before.current]);
    let all = keys.retire(&subject("t_a"), []).unwrap();
    assert_eq!(all.len(), 2);
    keys.spare(&all);
    assert_eq!(digests(), after, "nothing was sealed meanwhile, so there is no third one");
}

#[test]
fn p4_a_key_that_another_erasure_is_to_destroy_is_not_sealed_with() {
    let folder = TempDir::new().unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let doomed = keys.seal(&subject("t_a"), &name()).unwrap();
    let first = keys.retire(&subject("t_a"), []).unwrap();
    let retry = keys.retire(&subject("t_a"), []).unwrap();
    assert_eq!(first, retry);
    keys.spare(&retry);
    let after = keys.seal(&subject("t_a"), &name()).unwrap();
    keys.destroy(&subject("t_a"), &first).unwrap();
    keys.spare(&retry);
    assert_eq!(keys.open_text(&doomed), Opened::Erased);
    assert_eq!(keys.open_text(&after), text());
}

#[test]
fn keys_are_for_their_owner_only_and_what_a_crash_left_is_removed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keys");
    SubjectKeys::open(&path).unwrap().seal(&subject("t_a"), &name()).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let key_file = fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&path), mode(&key_file)), (0o700, 0o600));
    fs::write(path.join(".new-0000000000000000"), "half").unwrap();
    // Until the server that has the book has let it go, that may be a key in the making.
    let waiting = SubjectKeys::open(&path).unwrap();
    assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
    waiting.read_again().unwrap();
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
}

#[test]
fn p1_a_folder_of_keys_serves_one_book_and_every_copy_of_it() {
    let folder = TempDir::new().unwrap();
    let (one, other) = (Some(&[0x1a; 32]), Some(&[0x2b; 32]));
    let open = || SubjectKeys::open(folder.path()).unwrap();
    // Keys from before folders were marked: they go to the first book that claims them.
    let sealed = open().seal(&subject("t_a"), &name()).unwrap();
    open().claim(one).unwrap();
    let restored = open();
    restored.claim(one).unwrap();
    restored.claim(one).unwrap();
    assert_eq!(restored.open_text(&sealed), text());
    for another in [other, None] {
        let refused = open().claim(another).unwrap_err();
        assert!(matches!(refused, SealingError::AnotherBook { .. }), "{refused}");
        assert!(refused.to_string().contains(&"1a".repeat(32)), "{refused}");
    }
    restored.claim(one).unwrap();
}

#[test]
fn p1_a_book_without_events_has_the_folder_to_itself() {
    let folder = TempDir::new().unwrap();
    let (one, other) = (Some(&[1; 32]), Some(&[2; 32]));
    let open = || SubjectKeys::open(folder.path()).unwrap();
    let first = open();
    first.claim(None).unwrap();
    first.claim(None).unwrap();
    for another in [None, other] {
        let refused = open().claim(another).unwrap_err();
        assert!(matches!(refused, SealingError::InUse { .. }), "{refused}");
    }
    // It ended without an event: whatever it sealed is in no book.
    drop(first);
    let second = open();
    second.claim(None).unwrap();
    second.claim(other).unwrap();
    assert!(matches!(open().claim(one).unwrap_err(), SealingError::AnotherBook { .. }));
    open().claim(other).unwrap();
}

#[test]
fn a_key_file_of_another_length_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("t_a.0123456789abcdef"), "short").unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let refused = keys.seal(&subject("t_a"), &name()).unwrap_err();
    assert!(matches!(refused, SealingError::Malformed { .. }));
    assert!(refused.to_string().contains("t_a.0123456789abcdef"), "{refused}");
}

/// The power went when it was overwritten and not yet gone: everybody knows such a key.
#[test]
fn p4_a_key_that_was_half_destroyed_seals_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("t_a.0000000000000000");
    fs::write(&file, [0; 64]).unwrap();
    let keys = SubjectKeys::open(folder.path()).unwrap();
    let sealed = keys.seal(&subject("t_a"), &name()).unwrap();
    assert!(!sealed.as_str().starts_with("sealed:t_a:0000000000000000:"), "{sealed}");
    assert_eq!(keys.open_text(&sealed), text());
    assert_eq!(keys.digests(&subject("t_a"), b"a request").unwrap().others.len(), 0);
    assert_eq!(keys.retire(&subject("t_a"), []).unwrap().len(), 2, "an erasure takes it away");
}
