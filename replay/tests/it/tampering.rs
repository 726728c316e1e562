//! Every change to the stored rows is found, and its position named.

use quipu_domain::Position;
use quipu_journal::{BatchRow, Root};

use crate::book::{
    Rows, bookkeeper, finding, report, report_of, report_signed, rows, segments, views,
};

fn honest() -> Vec<BatchRow> {
    rows(&bookkeeper().events)
}

#[test]
fn an_honest_book_holds() {
    let book = bookkeeper();
    let report = report(rows(&book.events), Some(&mut views(&book.events)), &[]);
    assert_eq!(report.finding, None);
    assert!(report.holds);
    assert_eq!(report.position, Position(6));
    assert_eq!((report.rows, report.streams), (3, 2));
    assert!(report.projections.iter().all(|view| view.compared));
}

#[test]
fn an_empty_book_holds() {
    let report = report(Vec::new(), Some(&mut views(&[])), &[(0, Root::empty())]);
    assert_eq!(report.finding, None);
}

#[test]
fn any_flipped_bit_of_the_events_is_found_in_its_row() {
    let honest = honest();
    for (index, row) in honest.iter().enumerate() {
        for byte in 0..row.events.len() {
            for bit in 0..8 {
                let mut bytes = row.events.clone().into_bytes();
                bytes[byte] ^= 1 << bit;
                // What is not UTF-8 does not come through the database as text.
                let Ok(events) = String::from_utf8(bytes) else { continue };
                let mut rows = honest.clone();
                rows[index].events = events;
                let (position, what) = finding(rows);
                let within = row.first_position.0..=row.last_position.0;
                assert!(
                    within.contains(&position),
                    "byte {byte} of row {index}: {position} {what}"
                );
            }
        }
    }
}

#[test]
fn any_changed_column_is_found_in_its_row() {
    let honest = honest();
    let changes: [fn(&mut BatchRow); 5] = [
        |row| row.first_position = row.first_position.plus(1),
        |row| row.last_position = row.last_position.plus(1),
        |row| row.recorded_at = row.recorded_at.plus_seconds(1),
        |row| row.prev_root.0[31] ^= 1,
        |row| row.root.0[0] ^= 0x80,
    ];
    for index in 0..honest.len() {
        for change in changes {
            let mut rows = honest.clone();
            change(&mut rows[index]);
            let (position, what) = finding(rows);
            assert_eq!(position, honest[index].first_position.0, "{what}");
        }
    }
}

#[test]
fn a_deleted_row_is_named_by_its_position() {
    for index in 0..2 {
        let mut rows = honest();
        let deleted = rows.remove(index);
        let (position, what) = finding(rows);
        assert_eq!(position, deleted.first_position.0, "{what}");
    }
}

#[test]
fn a_gap_that_is_larger_than_a_page_is_not_taken_for_the_end() {
    let mut book = bookkeeper();
    book.debits(4_200, "0.01");
    let mut rows = rows(&book.events);
    rows.drain(1..rows.len() - 1);
    let (position, what) = finding(rows);
    assert_eq!(position, 3, "{what}");
}

#[test]
fn what_else_is_told_of_the_end_must_be_what_the_rows_lead_to() {
    let whole = Rows::of(honest());
    let mut other_root = Rows::of(honest());
    other_root.head.root = honest()[1].root;
    let mut shorter = Rows::of(honest());
    shorter.head.position = Position(4);
    let mut longer = Rows::of(honest());
    longer.head.position = Position(8);
    let mut kept = Rows::of(honest());
    kept.segments = segments(&bookkeeper().events, 3);
    let mut cut = Rows::of(honest());
    cut.segments.clone_from(&kept.segments);
    cut.segments[1].end.position = Position(7);
    for (journal, position) in [
        (whole, None),
        (kept, None),
        (other_root, Some(7)),
        (shorter, Some(5)),
        (longer, Some(7)),
        (cut, Some(7)),
    ] {
        let finding = report_of(journal, None, &[]).finding;
        assert_eq!(finding.as_ref().map(|found| found.position.0), position, "{finding:?}");
    }
}

#[test]
fn swapped_rows_are_found_at_the_first_of_them() {
    let mut rows = honest();
    let (first, second) = (rows[0].events.clone(), rows[1].events.clone());
    rows[0].events = second;
    rows[1].events = first;
    assert_eq!(finding(rows).0, 1);
}

#[test]
fn a_cut_off_end_is_found_by_the_views() {
    let book = bookkeeper();
    let mut rows = rows(&book.events);
    rows.pop();
    assert_eq!(report(rows.clone(), None, &[]).finding, None, "the chain alone cannot know");
    let finding = report(rows, Some(&mut views(&book.events)), &[]).finding.unwrap();
    assert_eq!(finding.position, Position(5));
    assert!(finding.what.contains("the end of the journal is missing"), "{}", finding.what);
}

#[test]
fn a_noted_root_finds_a_cut_off_end_and_a_rewritten_past() {
    let honest = honest();
    let noted = [(4, honest[1].root), (6, honest[2].root)];
    assert_eq!(report(honest.clone(), None, &noted).finding, None);
    let cut = report(honest[..2].to_vec(), None, &noted).finding.unwrap();
    assert_eq!(cut.position, Position(5));

    let mut rewritten = bookkeeper();
    rewritten.events[2].metadata.actor = "somebody else".parse().unwrap();
    let found = report(rows(&rewritten.events), None, &noted).finding.unwrap();
    assert_eq!(found.position, Position(4));
    assert!(found.what.contains("rewritten"), "{}", found.what);
}

/// Two histories were signed at one position, and the book has one of them.
#[test]
fn of_two_roots_noted_for_one_position_both_are_held_against_the_journal() {
    let honest = honest();
    let (root, other) = (honest[1].root, honest[2].root);
    for noted in [[(4, root), (4, other)], [(4, other), (4, root)]] {
        let finding = report(honest.clone(), None, &noted).finding.unwrap();
        assert_eq!(finding.position, Position(4), "{}", finding.what);
    }
}

/// J6: a copy that is older than a checkpoint that was signed, and a past that was written anew.
#[test]
fn j6_a_book_leads_to_what_was_signed() {
    let honest = honest();
    let signed = [(1, 6, honest[2].root)];
    assert_eq!(report_signed(honest.clone(), &signed).finding, None);
    let older = report_signed(honest[..2].to_vec(), &signed).finding.unwrap();
    assert_eq!(older.position, Position(5));
    assert!(older.what.contains("the end of the journal is missing"), "{}", older.what);
    let mut rewritten = bookkeeper();
    rewritten.events[2].metadata.actor = "somebody else".parse().unwrap();
    let found = report_signed(rows(&rewritten.events), &signed).finding.unwrap();
    assert_eq!(found.position, Position(6));
    assert!(found.what.contains("rewritten"), "{}", found.what);
}
