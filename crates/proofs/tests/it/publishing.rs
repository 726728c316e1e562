//! J6: what is signed is durable, and everything signed later is consistent with it.

use quipu_domain::epoch::{Epoch, EpochCommand, EpochEvent, NewEpoch};
use quipu_domain::{Position, Timestamp};
use quipu_proofs::{
    AddCheckpoint, Algorithm, Checkpoint, KeyFolder, ProofError, ProofStore, Proofs, Published,
    Publisher, SignedNote, VerifierKey, find_loss, verify_consistency,
};
use quipu_testkit::postgres;

use crate::support::{Book, at, now};

fn verifier(keys: &KeyFolder, index: usize, origin: &str) -> VerifierKey {
    keys.list().unwrap()[index].verifier(origin, Algorithm::Log)
}

fn parsed(published: &Published) -> (SignedNote, Checkpoint) {
    let note = SignedNote::parse(&published.note).unwrap();
    let checkpoint = Checkpoint::of(&note).unwrap();
    (note, checkpoint)
}

/// Publishes now and again, and asserts that each checkpoint continues the one before.
fn assert_publishes(mut book: Book) {
    let publisher = book.publisher();
    assert_eq!(publisher.publish(book.head(), now()).unwrap(), None, "nothing to sign yet");
    let mut before: Option<Published> = None;
    for events in [1, 5, 300] {
        book.write(events);
        let published = publisher.publish(book.head(), now()).unwrap().unwrap();
        let (note, checkpoint) = parsed(&published);
        assert_eq!(checkpoint.origin, "example.com/book/e1");
        assert_eq!((checkpoint.size, checkpoint.root), (book.head().position.0, book.head().root));
        assert_eq!(verifier(&book.keys, 0, "example.com/book/e1").has_signed(&note), Ok(true));
        if let Some(before) = before {
            assert_eq!(published.number, before.number + 1);
            let text = book.proofs.consistency(before.size, None).unwrap();
            let step = AddCheckpoint::parse(&text).unwrap();
            assert_eq!(step.checkpoint, checkpoint);
            assert!(verify_consistency(
                (before.size, &before.root),
                (checkpoint.size, &checkpoint.root),
                &step.proof
            ));
        }
        assert_eq!(publisher.publish(book.head(), now()).unwrap(), None, "it is signed already");
        assert_eq!(book.proofs.newest().unwrap().as_ref(), Some(&published));
        assert_eq!(book.keys.last_signed().unwrap().unwrap().size, published.size);
        before = Some(published);
    }
    let all = book.proofs.checkpoints(0, 10).unwrap();
    assert_eq!(all.iter().map(|one| one.size).collect::<Vec<_>>(), [1, 6, 306]);
    assert_eq!(book.proofs.checkpoints(1, 1).unwrap()[..], all[1..2]);
}

#[test]
fn each_checkpoint_continues_the_one_before_on_sqlite() {
    assert_publishes(Book::new());
}

#[test]
fn each_checkpoint_continues_the_one_before_on_postgres() {
    let url = postgres::database();
    let checkpoints = ProofStore::connect_postgres(&url).unwrap();
    let folder = quipu_testkit::sqlite::folder();
    let keys = KeyFolder::open(&folder.path().join("keys")).unwrap();
    keys.generate(now()).unwrap();
    assert_publishes(Book::over(checkpoints, keys, folder));
}

#[test]
fn both_keys_sign_while_they_overlap() {
    let mut book = Book::new();
    let publisher = book.publisher();
    let end = at("2026-12-01T00:00:00Z");
    book.keys.rotate(now().plus_seconds(1), end).unwrap();
    let mut signed_by = |time: Timestamp| {
        book.write(1);
        let (note, _) = parsed(&publisher.publish(book.head(), time).unwrap().unwrap());
        [0, 1].map(|index| verifier(&book.keys, index, publisher.origin()).has_signed(&note))
    };
    assert_eq!(signed_by(now().plus_seconds(1)), [Ok(true), Ok(true)]);
    assert_eq!(signed_by(end), [Ok(false), Ok(true)]);
}

#[test]
fn without_a_key_nothing_is_published() {
    let mut book = Book::new();
    book.write(1);
    let key = &book.keys.list().unwrap()[0];
    std::fs::remove_file(book.keys.path().join(format!("{}.key", key.id))).unwrap();
    let refused = book.publisher().publish(book.head(), now());
    assert!(matches!(refused, Err(ProofError::NoKey { .. })));
    assert_eq!(book.keys.last_signed().unwrap(), None);
}

/// A crash after the signature was noted, before the checkpoint was kept.
#[test]
fn what_was_signed_and_not_kept_is_signed_again_the_same() {
    let mut book = Book::new();
    book.write(3);
    let published = book.publisher().publish(book.head(), now()).unwrap().unwrap();
    let file = rusqlite::Connection::open(book.folder.path().join("proofs.db")).unwrap();
    file.execute("DELETE FROM checkpoint", []).unwrap();
    assert_eq!(find_loss(&book.proofs, &book.keys, None).unwrap(), None);
    let again = book.publisher().publish(book.head(), now()).unwrap().unwrap();
    assert_eq!(again, published, "Ed25519 signs the same text the same way");
}

/// J6: a server that lost the lease, and does not know it yet, has an older end of the book.
#[test]
fn what_a_later_server_has_signed_is_never_taken_back() {
    let mut book = Book::new();
    book.write(10);
    let (stale, old) = (book.head(), book.publisher());
    book.write(5);
    let newer = book.publisher().publish(book.head(), now()).unwrap().unwrap();
    assert_eq!(old.publish(stale, now()).unwrap(), None);
    assert_eq!(book.keys.last_signed().unwrap().unwrap().size, 15);
    assert_eq!(book.proofs.newest().unwrap().as_ref(), Some(&newer));
    // The folder of keys knows of it, also where it was not kept or was restored away.
    let file = rusqlite::Connection::open(book.folder.path().join("proofs.db")).unwrap();
    file.execute("DELETE FROM checkpoint", []).unwrap();
    assert_eq!(old.publish(stale, now()).unwrap(), None);
    assert_eq!(book.keys.last_signed().unwrap().unwrap().size, 15);
    assert_eq!(book.proofs.newest().unwrap(), None);
    let restored = book.restored(12);
    assert!(find_loss(&restored.proofs, &restored.keys, None).unwrap().is_some());
}

#[test]
fn an_epoch_that_is_over_is_not_signed_in() {
    let mut book = Book::new();
    book.write(10);
    let old = book.publisher();
    let newer = book.publisher_of(2).publish(book.head(), now()).unwrap().unwrap();
    book.write(5);
    assert_eq!(old.publish(book.head(), now()).unwrap(), None);
    assert_eq!(book.keys.last_signed().unwrap().unwrap().epoch, 2);
    assert_eq!(book.proofs.newest().unwrap(), Some(newer));
}

#[test]
fn two_servers_that_publish_at_the_same_time_only_go_forward() {
    let mut book = Book::new();
    let heads: Vec<_> = (0..40).map(|_| (book.write(1), book.head()).1).collect();
    let publishers = [book.publisher(), book.publisher()];
    std::thread::scope(|scope| {
        // Whoever is too late may be told so in any way.
        let publish = |publisher: &Publisher| {
            heads.iter().for_each(|head| drop(publisher.publish(*head, now())));
        };
        let publishing = publishers.each_ref().map(|one| scope.spawn(move || publish(one)));
        let mut last = 0;
        while !publishing.iter().all(|one| one.is_finished()) {
            let signed = book.keys.last_signed().unwrap().map_or(0, |head| head.size);
            assert!(signed >= last, "{signed} after {last}");
            last = signed;
        }
    });
    assert!(book.keys.last_signed().unwrap().unwrap().size > 20);
    let sizes: Vec<u64> =
        book.proofs.checkpoints(0, 100).unwrap().iter().map(|one| one.size).collect();
    assert!(sizes.is_sorted_by(|one, next| one < next), "{sizes:?}");
}

#[test]
fn a_restore_that_lost_what_was_signed_begins_a_new_epoch() {
    let mut book = Book::new();
    book.write(20);
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    let mut book = book.restored(12);
    let loss = find_loss(&book.proofs, &book.keys, None).unwrap().unwrap();
    assert_eq!(loss.reason, "the book has 12 events, and 20 had been signed");
    assert_eq!((loss.last.epoch, loss.last.size), (1, 20));
    // Never again under the old origin, not even when the book has grown past it.
    book.write_about("something else", 100);
    let refused = book.publisher().publish(book.head(), now());
    assert!(matches!(refused, Err(ProofError::Unreachable { size: 20, .. })));
    let grown = find_loss(&book.proofs, &book.keys, None).unwrap().unwrap();
    assert_eq!(grown.reason, "the first 20 events are not those that had been signed");

    let new = NewEpoch {
        name: "example.com/book".parse().unwrap(),
        reason: loss.reason.parse().unwrap(),
    };
    let command = EpochCommand::Start(loss.last, new);
    let decided = Epoch::default().decide(&command, Position(13)).unwrap();
    let [EpochEvent::EpochStarted(started)] = decided.as_slice() else { panic!("{decided:?}") };
    assert_eq!((started.epoch, started.restored_size, started.prev_size), (2, 12, 20));
    assert_eq!(find_loss(&book.proofs, &book.keys, Some(started)).unwrap(), None, "it is said");

    let published = book.publisher_of(2).publish(book.head(), now()).unwrap().unwrap();
    assert_eq!(published.origin, started.origin);
    assert_eq!(published.epoch, 2);
    assert_eq!(find_loss(&book.proofs, &book.keys, Some(started)).unwrap(), None);
    // The old checkpoint is kept, and nothing is proved against it.
    let old = book.proofs.inclusion(Position(1), Some(20));
    assert!(matches!(old, Err(ProofError::Unreachable { size: 20, .. })), "{old:?}");
    // The next restore may have lost the event that began the epoch: its number is not used again.
    let book = book.restored(5);
    let loss = find_loss(&book.proofs, &book.keys, None).unwrap().unwrap();
    let new = NewEpoch {
        name: "example.com/book".parse().unwrap(),
        reason: "a disk broke".parse().unwrap(),
    };
    let decided = Epoch::default().decide(&EpochCommand::Start(loss.last, new), Position(6));
    let [EpochEvent::EpochStarted(third)] = &decided.unwrap()[..] else { panic!("one event") };
    assert_eq!((third.epoch, third.prev_size), (3, 112));
}

#[test]
fn keys_that_did_not_sign_the_newest_checkpoint_are_told() {
    let mut book = Book::new();
    book.write(5);
    assert_eq!(book.publisher().has_signed_newest().ok(), Some(true), "there is none");
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    book.keys.rotate(now(), now()).unwrap();
    assert_eq!(book.publisher().has_signed_newest().ok(), Some(true), "the key is there still");
    let folder = quipu_testkit::sqlite::folder();
    book.keys = KeyFolder::open(&folder.path().join("keys")).unwrap();
    book.keys.generate(now()).unwrap();
    assert_eq!(book.publisher().has_signed_newest().ok(), Some(false));
    assert_eq!(book.publisher_of(2).has_signed_newest().ok(), Some(true), "of an earlier epoch");
}

/// Whoever puts the wrong `proofs.db` back has lost nothing of this book.
#[test]
fn checkpoints_of_another_book_are_no_loss_of_this_one() {
    let (mut book, mut other) = (Book::new(), Book::new());
    book.write(5);
    other.write_about("something else", 40);
    for each in [&book, &other] {
        each.publisher().publish(each.head(), now()).unwrap().unwrap();
    }
    let strange = Proofs::new(
        ProofStore::open_sqlite(&other.folder.path().join("proofs.db")).unwrap(),
        book.journal.clone(),
    );
    let refused = find_loss(&strange, &book.keys, None);
    assert!(matches!(refused, Err(ProofError::Stored { number: 1, .. })), "{refused:?}");
    // Keys that never signed anything cannot know: then it is a loss.
    let folder = quipu_testkit::sqlite::folder();
    let new = KeyFolder::open(&folder.path().join("keys")).unwrap();
    new.generate(now()).unwrap();
    assert_eq!(find_loss(&strange, &new, None).unwrap().unwrap().last.size, 40);
}

/// A backup that is tried out with the keys of the book that is served: not in silence.
#[test]
fn a_copy_that_signs_with_the_same_keys_is_told_from_a_server_that_took_over() {
    let mut book = Book::new();
    book.write(20);
    let first = book.publisher();
    first.publish(book.head(), now()).unwrap().unwrap();
    let folder = quipu_testkit::sqlite::folder();
    let checkpoints = ProofStore::open_sqlite(&folder.path().join("proofs.db")).unwrap();
    let mut copy = Book::over(checkpoints, book.keys.clone(), folder);
    copy.write(12);
    copy.write_about("tried out", 3);
    copy.publisher_of(2).publish(copy.head(), now()).unwrap().unwrap();
    book.write(5);
    let refused = first.publish(book.head(), now());
    assert!(matches!(refused, Err(ProofError::Unreachable { size: 15, .. })), "{refused:?}");

    let mut book = Book::new();
    book.write(20);
    let first = book.publisher();
    book.publisher_of(2).publish(book.head(), now()).unwrap().unwrap();
    assert!(matches!(first.publish(book.head(), now()), Ok(None)), "it will hear of it");
}

/// What one book has signed says nothing about another: neither that it lost something, nor that
/// it may go on where the other one ended.
#[test]
fn j6_a_folder_of_keys_signs_for_one_book() {
    let mut book = Book::new();
    book.write(5);
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    let folder = quipu_testkit::sqlite::folder();
    let checkpoints = ProofStore::open_sqlite(&folder.path().join("proofs.db")).unwrap();
    let mut other = Book::over(checkpoints, book.keys.clone(), folder);
    assert_eq!(other.keys.refuse_another_book(None).unwrap_err().to_string(), {
        let first = book.journal.first_event_hash().unwrap().unwrap();
        let keys = book.keys.path().display();
        format!(
            "the keys in {keys} belong to another book: the one whose first event has the hash \
             {first}"
        )
    });
    other.write_about("something else", 6);
    let refused = other.publisher().publish(other.head(), now());
    assert!(matches!(refused, Err(ProofError::AnotherBook { .. })), "{refused:?}");
    let first = other.journal.first_event_hash().unwrap().unwrap();
    let refused = other.keys.claim(&first);
    assert!(matches!(refused, Err(ProofError::AnotherBook { .. })), "{refused:?}");
    assert_eq!(book.keys.last_signed().unwrap().unwrap().size, 5);
    book.write(1);
    let published = book.publisher().publish(book.head(), now()).unwrap().unwrap();
    assert_eq!((published.epoch, published.size), (1, 6));
}

#[test]
fn a_restore_that_has_everything_that_was_signed_goes_on() {
    let mut book = Book::new();
    book.write(20);
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    let mut book = book.restored(20);
    assert_eq!(find_loss(&book.proofs, &book.keys, None).unwrap(), None);
    book.write(3);
    let published = book.publisher().publish(book.head(), now()).unwrap().unwrap();
    assert_eq!((published.epoch, published.size), (1, 23));
}

/// The database's backup has no memory of what was signed; the key folder has.
#[test]
fn a_loss_is_found_when_the_checkpoints_were_restored_too() {
    let mut book = Book::new();
    book.write(20);
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    let folder = quipu_testkit::sqlite::folder();
    let checkpoints = ProofStore::open_sqlite(&folder.path().join("proofs.db")).unwrap();
    let mut restored = Book::over(checkpoints, book.keys.clone(), folder);
    restored.write(7);
    let loss = find_loss(&restored.proofs, &restored.keys, None).unwrap().unwrap();
    assert_eq!(loss.last.size, 20);
}

/// Whoever has the database may have written anything there.
#[test]
fn a_checkpoint_that_was_changed_where_it_is_kept_is_named_and_not_believed() {
    let mut book = Book::new();
    book.write(7);
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    let file = rusqlite::Connection::open(book.folder.path().join("proofs.db")).unwrap();
    for change in [
        "origin = 'example.com/book/e1' || char(10) || 'x'",
        "origin = ''",
        "origin = 'example.com/other/e1'",
        "epoch = -1",
        "size = -7",
        "size = 8",
        "root = zeroblob(32)",
        "published_at = 9223372036854775807",
        "note = ''",
        "note = replace(note, char(10) || '7' || char(10), char(10) || '9' || char(10))",
    ] {
        file.execute_batch("BEGIN; CREATE TEMP TABLE kept AS SELECT * FROM checkpoint").unwrap();
        file.execute(&format!("UPDATE checkpoint SET {change}"), []).unwrap();
        file.execute_batch("COMMIT").unwrap();
        let found = [
            book.proofs.newest().map(drop),
            book.proofs.checkpoints(0, 10).map(drop),
            find_loss(&book.proofs, &book.keys, None).map(drop),
            book.publisher().publish(book.head(), now()).map(drop),
        ];
        for found in found {
            let Err(ProofError::Stored { number: 1, .. }) = &found else {
                panic!("{change}: {found:?}");
            };
            let said = found.unwrap_err().to_string();
            assert!(said.starts_with("checkpoint 1 in the table checkpoint "), "{said}");
        }
        let restore = "DELETE FROM checkpoint; INSERT INTO checkpoint SELECT * FROM kept; \
                       DROP TABLE kept";
        file.execute_batch(restore).unwrap();
    }
    assert_eq!(book.publisher().publish(book.head(), now()).unwrap(), None, "it is as it was");
}
