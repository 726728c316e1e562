//! Each byte of the export of a real book of 200 events, flipped in turn.
//!
//! What was read before the changed line is the same in every run, so it is not read again:
//! verification goes on from a copy of itself as it stood there. `tests/it/every_byte.rs` tries
//! the same from the first line on, with fewer bytes.

use std::thread;

use super::*;

const BOOK: &[u8] = include_bytes!("../../vectors/book.jsonl");

/// The state in which a line is read, and where the line begins and ends.
struct Place {
    verifier: Verifier,
    begins: usize,
    ends: usize,
}

fn run(verifier: &mut Verifier, header: &Header, mut input: &[u8]) -> Result<(), Stop> {
    verifier.after(header, &mut Lines::new(&mut input), &mut |_, _| {})
}

/// Every line after the first.
fn places(header: &Header) -> Vec<Place> {
    let mut places = Vec::new();
    let mut verifier = auditor();
    let mut begins = 0;
    for line in BOOK.split_inclusive(|byte| *byte == b'\n') {
        let ends = begins + line.len();
        if begins > 0 {
            places.push(Place { verifier: verifier.clone(), begins, ends });
            // It takes the line in and misses the next.
            assert!(run(&mut verifier, header, line).is_err() != line.starts_with(b"{\"end\""));
        }
        begins = ends;
    }
    places
}

/// Somebody who once saved the checkpoint over 150 events.
fn auditor() -> Verifier {
    let events =
        BOOK.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"position\":"));
    let mut tree = Tree::default();
    events.take(150).for_each(|event| tree.push(event));
    let (size, root) = (tree.size(), tree.root());
    let origin = "quipu.example/t/acme".to_owned();
    let checkpoint = Checkpoint { origin, size, root, cosignatures: Vec::new() };
    Verifier::new(vec![("it".to_owned(), checkpoint)])
}

fn header() -> Header {
    let line = BOOK.split(|byte| *byte == b'\n').next().unwrap();
    Header::parse(std::str::from_utf8(line).unwrap()).unwrap()
}

/// All eight bits of a byte that belongs to no event, one bit (ever another) of one that does.
fn flips(place: &Place, header: &Header) -> usize {
    let mut rest = BOOK[place.begins..].to_vec();
    let length = place.ends - place.begins;
    let mut flips = 0;
    for at in 0..length {
        let is_event = rest.starts_with(b"{\"position\":") && at + 1 < length;
        let bits = if is_event { at % 8..at % 8 + 1 } else { 0..8 };
        for bit in bits {
            rest[at] ^= 1 << bit;
            let verified = run(&mut place.verifier.clone(), header, &rest);
            let byte = place.begins + at;
            assert!(matches!(verified, Err(Stop::Found(_))), "bit {bit} of byte {byte}");
            rest[at] ^= 1 << bit;
            flips += 1;
        }
    }
    flips
}

#[test]
fn every_flipped_byte_of_a_book_of_200_events_is_detected() {
    let header = header();
    let places = places(&header);
    assert_eq!(
        places.iter().filter(|place| BOOK[place.begins..].starts_with(b"{\"position\":")).count(),
        200
    );
    assert!(run(&mut places[0].verifier.clone(), &header, &BOOK[places[0].begins..]).is_ok());
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let flipped: usize = thread::scope(|scope| {
        let work = |first| {
            let (places, header) = (&places, &header);
            move || {
                places.iter().skip(first).step_by(threads).map(|p| flips(p, header)).sum::<usize>()
            }
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(work(first))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(flipped > BOOK.len(), "{flipped}");
}
