//! A witness: in front of it a log has one history, and never goes back.

use std::sync::Arc;

use quipu_proofs::{
    Algorithm, KeyFolder, ProofError, Published, SignedNote, VerifierKey, Witness, WitnessRefusal,
};
use tempfile::TempDir;

use crate::support::{Book, now};

const ORIGIN: &str = "example.com/book/e1";

struct Watched {
    book: Book,
    folder: TempDir,
}

impl Watched {
    fn new() -> Watched {
        let folder = quipu_testkit::sqlite::folder();
        KeyFolder::open(folder.path()).unwrap().generate(now()).unwrap();
        Watched { book: Book::new(), folder }
    }

    /// The witness as it is after a start.
    fn witness(&self) -> Witness {
        let log = self.book.keys.list().unwrap()[0].verifier(ORIGIN, Algorithm::Log);
        let folder = KeyFolder::open(self.folder.path()).unwrap();
        Witness::new("witness.example/w1".parse().unwrap(), folder, vec![log]).unwrap()
    }

    fn key(&self) -> VerifierKey {
        let keys = KeyFolder::existing(self.folder.path()).list().unwrap();
        keys[0].verifier("witness.example/w1", Algorithm::Witness)
    }

    fn publish(&mut self, events: u64) -> Published {
        self.book.write(events);
        self.book.publisher().publish(self.book.head(), now()).unwrap().unwrap()
    }

    fn request(&self, from: u64, to: &Published) -> String {
        self.book.proofs.consistency(from, Some(to.size)).unwrap()
    }
}

/// Two that each keep what they cosigned would cosign two histories.
#[test]
fn a_folder_serves_one_witness_at_a_time() {
    let watched = Watched::new();
    let first = watched.witness();
    let second = || {
        let folder = KeyFolder::open(watched.folder.path()).unwrap();
        Witness::new("witness.example/w1".parse().unwrap(), folder, Vec::new())
    };
    assert!(matches!(second().err(), Some(ProofError::InUse { .. })));
    drop(first);
    assert!(second().is_ok());
}

fn conflict(answer: Result<String, WitnessRefusal>) -> u64 {
    match answer {
        Err(WitnessRefusal::Conflict { size }) => size,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_consistent_checkpoint_is_cosigned_and_the_cosignature_kept_on_it() {
    let mut watched = Watched::new();
    let (first, witness) = (watched.publish(5), watched.witness());
    let lines = witness.add_checkpoint(&watched.request(0, &first), now()).unwrap();
    let publisher = watched.book.publisher();
    let key = watched.key();
    assert!(publisher.keep_cosignatures(&first, &key, &lines).unwrap());
    assert!(!publisher.keep_cosignatures(&first, &key, &lines).unwrap(), "it is there already");
    let stored = watched.book.proofs.newest().unwrap().unwrap();
    assert_eq!(stored.note, format!("{}{lines}", first.note));
    let note = SignedNote::parse(&stored.note).unwrap();
    assert_eq!(key.has_signed(&note), Ok(true));
    let time = &note.signatures[1].bytes[..8];
    assert_eq!(time, (now().micros() / 1_000_000).to_be_bytes());

    let second = watched.publish(300);
    let lines = witness.add_checkpoint(&watched.request(5, &second), now()).unwrap();
    assert!(!publisher.keep_cosignatures(&first, &key, &lines).unwrap(), "of another checkpoint");
    assert!(publisher.keep_cosignatures(&second, &key, &lines).unwrap());
    // The same again is cosigned again: a lost answer costs nothing.
    assert!(witness.add_checkpoint(&watched.request(305, &second), now()).is_ok());
}

#[test]
fn what_is_not_consistent_is_refused_as_the_protocol_says() {
    let mut watched = Watched::new();
    let (first, second) = (watched.publish(5), watched.publish(4));
    let witness = watched.witness();
    let ask = |body: &str| witness.add_checkpoint(body, now());
    assert!(matches!(ask("old 1\n"), Err(WitnessRefusal::Malformed(_))));
    assert_eq!(conflict(ask(&watched.request(5, &second))), 0);
    assert!(ask(&watched.request(0, &first)).is_ok());
    assert_eq!(conflict(ask(&watched.request(0, &second))), 5, "the log learns where to begin");
    let good = watched.request(5, &second);
    let (_, note) = good.split_once("\n\n").unwrap();
    assert!(matches!(ask(&format!("old 5\n\n{note}")), Err(WitnessRefusal::Inconsistent)));
    assert!(matches!(ask(&format!("old 10\n\n{note}")), Err(WitnessRefusal::Malformed(_))));
    let unsigned = good.replace("9\n", "8\n");
    assert!(matches!(ask(&unsigned), Err(WitnessRefusal::NotSigned(_))));
    let unknown = good.replace(ORIGIN, "example.com/book/e2");
    assert!(matches!(ask(&unknown), Err(WitnessRefusal::UnknownLog(_))));
    assert!(ask(&good).is_ok());
    assert_eq!(conflict(ask(&watched.request(0, &first))), 9, "it does not go back");
}

#[test]
fn it_remembers_over_a_restart_and_a_restored_book_cannot_go_back() {
    let mut watched = Watched::new();
    let first = watched.publish(20);
    watched.witness().add_checkpoint(&watched.request(0, &first), now()).unwrap();
    // Keys and all are restored, so the book itself does not know what it lost.
    let Watched { book, folder } = watched;
    let key = std::fs::read_dir(book.keys.path()).unwrap().map(|entry| entry.unwrap().path());
    let key = key.into_iter().find(|path| path.extension().is_some_and(|e| e == "key")).unwrap();
    let restored = Book::new();
    let keys = restored.keys.path();
    for entry in std::fs::read_dir(keys).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    std::fs::copy(&key, keys.join(key.file_name().unwrap())).unwrap();
    let mut watched = Watched { book: restored, folder };
    let forked = watched.publish(12);
    assert_eq!(conflict(watched.witness().add_checkpoint(&watched.request(0, &forked), now())), 20);
    watched.book.write_about("something else", 8);
    let head = watched.book.head();
    let forked = watched.book.publisher().publish(head, now()).unwrap().unwrap();
    assert_eq!(forked.size, 20);
    let (_, note) =
        watched.request(20, &forked).split_once("\n\n").map(|(_, n)| ((), n.to_owned())).unwrap();
    let same_size = watched.witness().add_checkpoint(&format!("old 20\n\n{note}"), now());
    assert_eq!(conflict(same_size), 20, "another history of the same size");
}

#[test]
fn of_two_requests_at_once_one_wins() {
    let mut watched = Watched::new();
    let published: Vec<Published> = (0..8).map(|_| watched.publish(3)).collect();
    let witness = Arc::new(watched.witness());
    let threads: Vec<_> = published
        .iter()
        .map(|to| {
            let (witness, body) = (Arc::clone(&witness), watched.request(0, to));
            std::thread::spawn(move || witness.add_checkpoint(&body, now()))
        })
        .collect();
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let cosigned = answers.iter().position(Result::is_ok).unwrap();
    for (index, answer) in answers.into_iter().enumerate() {
        if index != cosigned {
            assert_eq!(conflict(answer), published[cosigned].size);
        }
    }
}
