//! No byte of an export can change unseen.

use crate::support::{BOOK, audit};

/// From the first line on, as an auditor does who holds one old checkpoint: all of the first and
/// last line, and samples of all others. `src/export/tests.rs` flips every byte.
#[test]
fn flipped_bytes_are_detected_from_the_first_line_on() {
    assert!(audit(BOOK.as_bytes()).holds);
    let mut bytes = BOOK.as_bytes().to_vec();
    let first = BOOK.find('\n').unwrap();
    let last = BOOK.trim_end().rfind('\n').unwrap();
    for at in (0..=first).chain((first..last).step_by(997)).chain(last..BOOK.len()) {
        let original = bytes[at];
        bytes[at] ^= 1 << (at % 8);
        let report = audit(&bytes);
        assert!(!report.holds, "byte {at}");
        let finding = report.finding.unwrap();
        assert!(finding.position > report.position, "{finding:?}");
        bytes[at] = original;
    }
}

/// A byte more or less at the places where a lenient reader would not look.
#[test]
fn no_byte_can_be_added_or_taken_away_around_lines() {
    let feeds: Vec<usize> = BOOK.match_indices('\n').map(|(at, _)| at).collect();
    for at in feeds {
        for insert in [" ", "\n", "\r", "\t", "\0", "{}", "\n{}"] {
            for place in [at, at + 1] {
                let mut text = BOOK.to_owned();
                text.insert_str(place, insert);
                assert!(!audit(text.as_bytes()).holds, "{insert:?} at byte {place}");
            }
        }
        let mut text = BOOK.to_owned();
        text.remove(at);
        assert!(!audit(text.as_bytes()).holds, "no line feed at byte {at}");
    }
    let bom = format!("\u{feff}{BOOK}");
    assert!(!audit(bom.as_bytes()).holds, "a byte order mark");
}
