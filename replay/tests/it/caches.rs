//! What is saved beside the journal is what the journal gives: commands are decided on it.

use quipu_domain::wallet::{Wallet, WalletEvent};
use quipu_domain::{Event, Position, Stream, Version};
use quipu_journal::Snapshot;
use quipu_replay::Finding;

use crate::book::{Rows, bookkeeper, report_of, rows, segments};

/// A book with two segments, and snapshots of a wallet after two of its events.
fn book() -> Rows {
    let events = bookkeeper().events;
    let mut book = Rows::of(rows(&events));
    book.segments = segments(&events, 3);
    let mut wallet = Wallet::default();
    let own: Vec<(Position, Version, &WalletEvent)> = events
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::Wallet(event) => Some((recorded.position, recorded.version, event)),
            _ => None,
        })
        .collect();
    for (position, version, event) in own {
        wallet.apply(event).unwrap();
        if [2, 4].contains(&version.0) {
            book.snapshots.push(Snapshot {
                stream: Stream::wallet(&"t_acme".parse().unwrap()),
                version,
                position,
                schema_hash: Wallet::SCHEMA.to_owned(),
                state: serde_json::to_string(&wallet).unwrap(),
                supersedes: None,
            });
        }
    }
    book
}

fn found(change: impl FnOnce(&mut Rows)) -> Option<Finding> {
    let mut book = book();
    change(&mut book);
    report_of(book, None, &[]).finding
}

/// Where it was found, and that the cache is named, and what is to be done.
fn at(cache: &str, change: impl FnOnce(&mut Rows)) -> u64 {
    let finding = found(change).unwrap();
    assert!(finding.what.contains(cache), "{}", finding.what);
    assert!(finding.what.contains("delete from journal_"), "{}", finding.what);
    finding.position.0
}

#[test]
fn caches_that_were_saved_hold() {
    assert_eq!(book().segments.len(), 2);
    assert_eq!(book().snapshots.len(), 2);
    assert_eq!(found(|_| ()), None);
    assert_eq!(found(|book| drop(book.segments.remove(0))), None, "a cache may be deleted");
    assert_eq!(found(|book| drop(book.snapshots.remove(0))), None, "a cache may be deleted");
}

#[test]
fn a_changed_snapshot_is_found_at_its_event() {
    let wallet = "snapshot of wallet/t_acme at version 4";
    let richer = |book: &mut Rows| {
        let state = &mut book.snapshots[1].state;
        assert!(state.contains("478.25") || state.contains("479.5"), "{state}");
        *state = state.replace("479.5", "979.5").replace("478.25", "978.25");
    };
    assert_eq!(at(wallet, richer), 5);
    assert_eq!(at(wallet, |book| book.snapshots[1].state.truncate(9)), 5);
    let older = |book: &mut Rows| book.snapshots[1].state = book.snapshots[0].state.clone();
    assert_eq!(at(wallet, older), 5);
    assert_eq!(at(wallet, |book| book.snapshots[1].position = Position(4)), 5);
}

#[test]
fn a_snapshot_that_is_written_otherwise_but_reads_the_same_holds() {
    let spaced = |book: &mut Rows| {
        let state = &mut book.snapshots[1].state;
        *state = format!(" {state} ");
    };
    assert_eq!(found(spaced), None);
}

#[test]
fn a_snapshot_of_another_schema_is_read_by_nobody() {
    let other = |book: &mut Rows| {
        book.snapshots[1].schema_hash = "wallet/0".to_owned();
        book.snapshots[1].state = "{}".to_owned();
    };
    assert_eq!(found(other), None);
}

#[test]
fn a_snapshot_of_what_never_was_is_found() {
    assert_eq!(at("version 9 of wallet/t_acme", |book| book.snapshots[1].version = Version(9)), 7);
    let stranger = Stream::wallet(&"t_other".parse().unwrap());
    assert_eq!(at("of wallet/t_other", |book| book.snapshots[1].stream = stranger), 7);
}

#[test]
fn changed_keys_of_a_segment_are_found() {
    let segment = "segment of positions 4 to 6";
    assert_eq!(at(segment, |book| book.segments[1].keys.clear()), 4);
    assert_eq!(at(segment, |book| book.segments[1].keys[3] ^= 1), 4);
}

#[test]
fn changed_postings_are_found_with_their_stream() {
    for (index, first) in [(0, 1), (1, 4)] {
        let wallet = "where the events of wallet/t_acme are";
        let list = |book: &mut Rows, change: fn(&mut Vec<u8>)| {
            let lists = &mut book.segments[index].postings;
            let own = lists.iter_mut().find(|(stream, _)| stream.as_str() == "wallet/t_acme");
            change(&mut own.unwrap().1);
        };
        assert_eq!(at(wallet, |book| list(book, Vec::clear)), first);
        assert_eq!(at(wallet, |book| list(book, |list| list[0] += 1)), first);
        let delete = |book: &mut Rows| {
            book.segments[index].postings.retain(|(stream, _)| stream.as_str() != "wallet/t_acme");
        };
        assert_eq!(at(wallet, delete), first);
        let add = |book: &mut Rows| {
            let stranger = Stream::wallet(&"t_other".parse().unwrap());
            book.segments[index].postings.push((stranger, vec![0]));
        };
        assert_eq!(at("where the events of wallet/t_other are", add), first);
    }
}

#[test]
fn a_changed_end_of_a_segment_is_found() {
    let earlier = |book: &mut Rows| {
        let end = &mut book.segments[0].end;
        end.recorded_at = end.recorded_at.plus_seconds(-1);
    };
    assert_eq!(at("segment of positions 1 to 3", earlier), 1);
    assert_eq!(at("positions 4 to 6", |book| book.segments[1].end.peaks[0].0[0] ^= 1), 4);
    assert_eq!(at("positions 3 to 6", |book| book.segments[1].first_position.0 = 3), 3);
}
