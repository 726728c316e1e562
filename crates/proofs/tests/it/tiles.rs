//! Tiles, read by an implementation that is not ours, and proofs that are made from them.

use std::cell::RefCell;
use std::path::Path;

use quipu_domain::Position;
use quipu_proofs::{AddCheckpoint, ProofError, ProofStore, Proofs, SignedNote, TilePath};
use tlog_tiles::{
    Tile, TileHashReader, TileReader, check_record, prove_record, prove_tree, record_hash,
};

use crate::support::{Book, all_foreign, foreign, now};

/// A client that knows nothing but the tiles and the tree head.
struct Client<'p> {
    proofs: &'p Proofs,
    read: RefCell<usize>,
}

impl TileReader for Client<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &Tile| {
            *self.read.borrow_mut() += 1;
            let width = usize::try_from(tile.width()).unwrap();
            let path = TilePath { index: tile.level_index(), width };
            self.proofs.tile(tile.level().into(), path).unwrap().unwrap()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn hashes_of(inclusion: &str) -> Vec<tlog_tiles::Hash> {
    let lines = inclusion.lines().skip(2).take_while(|line| !line.is_empty());
    lines.map(|line| tlog_tiles::Hash::parse_hash(line).unwrap()).collect()
}

/// A proof of each of some positions against each of some sizes, as the other implementation
/// makes them from our tiles, and checks them.
fn assert_proved(book: &Book, sizes: &[u64], positions: &[u64]) {
    for &size in sizes {
        let head = book.proofs.checkpoints(0, 1_000).unwrap();
        let head = head.into_iter().find(|checkpoint| checkpoint.size == size).unwrap();
        let client = Client { proofs: &book.proofs, read: RefCell::default() };
        let reader = TileHashReader::new(size, foreign(head.root), &client);
        for &position in positions.iter().filter(|position| **position <= size) {
            let proof = book.proofs.inclusion(Position(position), Some(size)).unwrap();
            let hashes = hashes_of(&proof);
            assert_eq!(hashes, prove_record(size, position - 1, &reader).unwrap());
            let leaf = record_hash(book.text(position).as_bytes());
            check_record(&hashes, size, foreign(head.root), position - 1, leaf).unwrap();
            let consistency = book.proofs.consistency(position, Some(size)).unwrap();
            let consistency = AddCheckpoint::parse(&consistency).unwrap();
            let expected = prove_tree(size, position, &reader).unwrap();
            assert_eq!(all_foreign(&consistency.proof), expected);
        }
    }
}

#[test]
fn proofs_and_tiles_are_what_another_implementation_makes_of_them() {
    let mut book = Book::new();
    let publisher = book.publisher();
    let mut sizes = Vec::new();
    for events in [1, 2, 4, 248, 1, 1, 254, 1, 300, 700] {
        book.write(events);
        publisher.publish(book.head(), now()).unwrap().unwrap();
        sizes.push(book.head().position.0);
    }
    let positions = [1, 2, 3, 7, 8, 255, 256, 257, 258, 511, 512, 513, 700, 812, 813, 1_024, 1_512];
    assert_proved(&book, &sizes, &positions);
    // Again from what is on the disk, and again without it.
    for forget in [false, true] {
        let file = book.folder.path().join("proofs.db");
        if forget {
            forget_tiles(&file);
        }
        book.proofs = another(&book);
        assert_proved(&book, &sizes, &positions);
    }
}

#[test]
fn a_third_level_of_tiles_begins_when_the_second_is_full() {
    let mut book = Book::new();
    book.write(65_536 + 700);
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    let size = book.head().position.0;
    assert_proved(&book, &[size], &[1, 65_535, 65_536, 65_537, size]);
    let tile = |level, index, width| book.proofs.tile(level, TilePath { index, width }).unwrap();
    assert_eq!(tile(1, 0, 256).map(|tile| tile.len()), Some(8_192));
    assert_eq!(tile(1, 1, 2).map(|tile| tile.len()), Some(64));
    assert_eq!(tile(2, 0, 1).map(|tile| tile.len()), Some(32));
    for (level, index, width) in
        [(0, 258, 256), (0, 259, 1), (1, 1, 3), (2, 0, 2), (2, 1, 1), (60, 0, 1)]
    {
        assert_eq!(tile(level, index, width), None, "{level} {index} {width}");
    }
    // A proof from what is kept reads a few tiles, and no events.
    book.proofs = another(&book);
    assert_proved(&book, &[size], &[777]);
    // One that is beyond those below it, as after the end of these was deleted, is none.
    let file = rusqlite::Connection::open(book.folder.path().join("proofs.db")).unwrap();
    let beyond = "INSERT INTO tile SELECT 1, 1, root, hashes FROM tile WHERE level = 1";
    assert_eq!(file.execute(beyond, []).unwrap(), 1);
    book.proofs = another(&book);
    let tile = |level, index, width| book.proofs.tile(level, TilePath { index, width }).unwrap();
    assert_eq!(tile(2, 0, 2), None);
    assert_eq!(tile(2, 0, 1).map(|tile| tile.len()), Some(32));
    assert_proved(&book, &[size], &[777]);
}

#[test]
fn background_steps_are_bounded_and_lead_to_the_same_tiles() {
    let mut book = Book::new();
    book.write(1_000);
    assert_eq!(book.proofs.prepare(300).unwrap(), Position(300));
    assert_eq!(book.proofs.prepare(300).unwrap(), Position(600));
    assert_eq!(book.proofs.prepare(3_000).unwrap(), Position(1_000));
    assert_eq!(book.proofs.prepare(300).unwrap(), Position(1_000));
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    assert_proved(&book, &[1_000], &[1, 999]);
}

#[test]
fn entries_are_the_events_as_they_are_stored() {
    let mut book = Book::new();
    book.write(600);
    let bundle = |index, width| book.proofs.entries(TilePath { index, width }).unwrap();
    let mut bytes = bundle(1, 256).unwrap();
    for position in 257..=512 {
        let text = book.text(position);
        let rest = bytes.split_off(2 + text.len());
        assert_eq!(bytes[..2], u16::try_from(text.len()).unwrap().to_be_bytes());
        assert_eq!(bytes[2..], *text.as_bytes());
        bytes = rest;
    }
    assert!(bytes.is_empty());
    assert!(bundle(2, 88).is_some());
    assert_eq!((bundle(2, 89), bundle(3, 1), bundle(u64::MAX, 1)), (None, None, None));
}

#[test]
fn tiles_of_another_journal_are_made_anew() {
    let mut book = Book::new();
    book.write(700);
    book.proofs.prepare(1_000).unwrap();
    // An older copy of the journal was restored, and went on otherwise.
    let mut book = book.restored(300);
    book.write_about("something else", 500);
    book.publisher_of(2).publish(book.head(), now()).unwrap().unwrap();
    assert_proved(&book, &[800], &[1, 300, 301, 512, 800]);
}

#[test]
fn a_changed_tile_makes_no_false_proof() {
    let mut book = Book::new();
    book.write(1_000);
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    book.proofs.prepare(2_000).unwrap();
    let file = rusqlite::Connection::open(book.folder.path().join("proofs.db")).unwrap();
    for change in [
        "UPDATE tile SET hashes = zeroblob(8192) WHERE tile_index = 1",
        "UPDATE tile SET root = zeroblob(32) WHERE tile_index = 1",
        "DELETE FROM tile WHERE tile_index = 2",
    ] {
        assert_eq!(file.execute(change, []).unwrap(), 1);
        for proofs in [book.proofs.clone(), another(&book)] {
            book.proofs = proofs;
            assert_proved(&book, &[1_000], &[1, 300, 600, 1_000]);
        }
        book.proofs.prepare(2_000).unwrap();
    }
}

#[test]
fn a_changed_tile_is_not_handed_out() {
    let mut book = Book::new();
    book.write(65_536 + 700);
    book.proofs.prepare(70_000).unwrap();
    let tile = |book: &Book, level, index, width| {
        book.proofs.tile(level, TilePath { index, width }).unwrap().unwrap()
    };
    let wanted = [(0, 1, 256), (0, 257, 256), (0, 1, 3), (1, 0, 256), (1, 0, 17)];
    let sound = wanted.map(|(level, index, width)| tile(&book, level, index, width));
    let file = rusqlite::Connection::open(book.folder.path().join("proofs.db")).unwrap();
    for change in [
        "UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND tile_index IN (1, 257)",
        "UPDATE tile SET hashes = zeroblob(8192), root = zeroblob(32) WHERE level = 0",
        "UPDATE tile SET hashes = zeroblob(8192) WHERE level = 1",
        "DELETE FROM tile WHERE tile_index = 1",
    ] {
        assert!(file.execute(change, []).unwrap() > 0);
        for proofs in [book.proofs.clone(), another(&book)] {
            book.proofs = proofs;
            let found = wanted.map(|(level, index, width)| tile(&book, level, index, width));
            assert!(found == sound, "{change}");
        }
        book.proofs.prepare(70_000).unwrap();
    }
}

#[test]
fn tiles_that_are_missing_or_changed_are_made_by_who_may_only_read_and_kept_nowhere() {
    let mut book = Book::new();
    book.write(1_000);
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    book.proofs.prepare(2_000).unwrap();
    let path = book.folder.path().join("proofs.db");
    let read_only = |book: &mut Book| {
        // All that write are gone first.
        let store = ProofStore::open_sqlite_read_only(&path).unwrap();
        book.proofs = Proofs::new(store, book.journal.clone());
    };
    for change in [
        "DELETE FROM tile WHERE tile_index = 2",
        "UPDATE tile SET hashes = zeroblob(8192) WHERE tile_index = 0",
        "DELETE FROM tile",
    ] {
        read_only(&mut book);
        let file = rusqlite::Connection::open(&path).unwrap();
        assert!(file.execute(change, []).unwrap() > 0);
        drop(file);
        read_only(&mut book);
        let before = std::fs::read(&path).unwrap();
        assert_proved(&book, &[1_000], &[1, 300, 600, 1_000]);
        assert!(std::fs::read(&path).unwrap() == before, "{change}");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let mut book = Book::new();
    let wanted = |book: &Book, position: u64| book.proofs.inclusion(Position(position), None);
    assert!(matches!(wanted(&book, 1), Err(ProofError::BeyondEnd { wanted: 1, end: 0 })));
    book.write(3);
    let not_yet = wanted(&book, 3);
    assert!(matches!(not_yet, Err(ProofError::NotPublished { wanted: 3, newest: 0 })));
    book.publisher().publish(book.head(), now()).unwrap().unwrap();
    book.write(1);
    assert!(wanted(&book, 3).is_ok());
    assert!(matches!(wanted(&book, 0), Err(ProofError::BeyondEnd { .. })));
    assert!(matches!(wanted(&book, 4), Err(ProofError::NotPublished { newest: 3, .. })));
    assert!(matches!(wanted(&book, 5), Err(ProofError::BeyondEnd { wanted: 5, end: 4 })));
    let of_size = |position, size| book.proofs.inclusion(Position(position), Some(size));
    assert!(matches!(of_size(1, 2), Err(ProofError::NotPublished { wanted: 2, .. })));
    assert!(matches!(of_size(3, 2), Err(ProofError::TooSmall { size: 2, wanted: 3 })));
    let note = wanted(&book, 1).unwrap();
    let note = note.split_once("\n\n").unwrap().1;
    assert_eq!(SignedNote::parse(note).unwrap().text.lines().nth(1), Some("3"));
}

fn another(book: &Book) -> Proofs {
    let file = book.folder.path().join("proofs.db");
    Proofs::new(ProofStore::open_sqlite(&file).unwrap(), book.journal.clone())
}

/// As anybody may: they are derived.
fn forget_tiles(file: &Path) {
    let database = rusqlite::Connection::open(file).unwrap();
    assert!(database.execute("DELETE FROM tile", []).unwrap() > 0);
}
