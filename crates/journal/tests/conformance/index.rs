use std::sync::Arc;

use quipu_domain::{Position, Recorded, Stream, Version};
use quipu_journal::{
    Index, Journal, KeyHash, KeyWindow, Lease, SegmentCheck, SegmentMisfit, Snapshot, Store, Tree,
    Writer,
};

use crate::bed::{self, Bed, PATIENCE, SEGMENT_LENGTH, STREAMS, event, events, key};

/// The index finds everything that the events themselves say, and nothing else.
pub(crate) fn assert_complete(index: &Index, store: &dyn Store, last: u64) {
    let all: Vec<(Stream, Position)> = (0..=STREAMS)
        .map(|number| (Stream::wallet(&format!("t_{number}").parse().unwrap()), Position(number)))
        .collect();
    let together = index.positions(store, &all).unwrap();
    for (one, found) in all.iter().zip(&together) {
        assert_eq!(index.positions(store, std::slice::from_ref(one)).unwrap(), [found.as_slice()]);
    }
    for number in 0..=STREAMS {
        let stream = Stream::wallet(&format!("t_{number}").parse().unwrap());
        for after in [0, 1, 9, 10, 11, 25, last - 1, last] {
            let expected: Vec<Position> = (after + 1..=last)
                .filter(|position| event(*position).stream == stream)
                .map(Position)
                .collect();
            let found = index.positions(store, &[(stream.clone(), Position(after))]).unwrap();
            assert_eq!(found, [expected], "{stream} after {after}");
        }
    }
    for position in 1..=last {
        assert_eq!(find(index, position), [position], "key of {position}");
    }
    assert!(find(index, last + 2).is_empty());
}

/// Positions under the key and the tenant of an event.
fn find(index: &Index, position: u64) -> Vec<u64> {
    let tenant = event(position).tenant;
    let hash = KeyHash::command(tenant.as_ref(), &key(position));
    index.find(hash).map(|position| position.0).collect()
}

pub(crate) fn every_stream_and_key_is_found_before_and_after_sealing(bed: &Bed) {
    let (mut writer, mut index) = bed.open();
    for last in 1..=35 {
        bed::append(&mut writer, &mut index, last, last);
        assert_complete(&index, bed.store.as_ref(), last);
    }
}

pub(crate) fn saved_segments_equal_a_fresh_rebuild(bed: &Bed) {
    drop(bed.with_events(57));
    let end = bed.store.last_segment().unwrap().unwrap();
    assert_eq!((end.position, end.recorded_at), (Position(50), bed::recorded_at(50)));
    let (_, index) = bed.open();
    assert_complete(&index, bed.store.as_ref(), 57);

    // The same events in a store that never saved a segment: opening it has to.
    let fresh = bed::in_memory();
    let (mut writer, _) = fresh.open();
    writer.append(&events(1, 57)).unwrap();
    drop(writer);
    assert_eq!(fresh.store.last_segment().unwrap(), None);
    let (_, rebuilt) = fresh.open();
    assert_complete(&rebuilt, fresh.store.as_ref(), 57);
    assert_eq!(fresh.store.last_segment().unwrap(), Some(end));
    let keys = |store: &dyn Store| store.segments(bed::recorded_at(0)).unwrap();
    assert_eq!(keys(bed.store.as_ref()), keys(fresh.store.as_ref()));
}

/// The first saved segment that is not what the journal gives.
pub(crate) fn misfit(bed: &Bed) -> Option<SegmentMisfit> {
    let mut check = SegmentCheck::begin(bed.store.as_ref()).unwrap();
    let journal = Journal::new(Arc::clone(&bed.store));
    let (stored, mut tree) = (journal.stored_page(Position::ZERO, 1_000).unwrap(), Tree::default());
    let events = journal.page(Position::ZERO, 1_000).unwrap();
    let found = events.iter().zip(&stored).find_map(|(event, stored)| {
        tree.push(stored.text.as_bytes());
        check.event(bed.store.as_ref(), event, Some(tree.peaks())).unwrap()
    });
    assert!(found.is_some() || check.beyond_the_end().is_none());
    found
}

pub(crate) fn saved_segments_are_what_the_journal_gives(bed: &Bed) {
    let (mut writer, mut index) = bed.with_events(37);
    assert_eq!(misfit(bed), None);
    bed::append(&mut writer, &mut index, 38, 57);
    assert_eq!(misfit(bed), None);
    let mut lists = 0;
    bed.store.each_posting(&mut |_, _, _| lists += 1).unwrap();
    assert!(lists >= bed.store.segment_bounds().unwrap().len());
}

pub(crate) fn every_snapshot_is_handed_out(bed: &Bed) {
    let (mut writer, _) = bed.open();
    let snapshot = |number: u64| Snapshot {
        stream: Stream::stored(&format!("wallet/t_{}", number / 7 % 90)),
        version: Version(number),
        position: Position(number + 5),
        schema_hash: format!("schema/{}", number % 3),
        state: number.to_string(),
        supersedes: None,
    };
    // More than are read at once.
    let mut saved: Vec<Snapshot> = (1..=700).map(snapshot).collect();
    writer.save_snapshots(&saved).unwrap();
    let mut found = Vec::new();
    bed.store.each_snapshot(&mut |snapshot| found.push(snapshot.clone())).unwrap();
    let key = |snapshot: &Snapshot| (snapshot.stream.clone(), snapshot.version);
    let in_order =
        |pair: &[Snapshot]| pair[0].stream != pair[1].stream || pair[0].version < pair[1].version;
    assert!(found.windows(2).all(in_order));
    found.sort_by_key(key);
    saved.sort_by_key(key);
    assert_eq!(found, saved);
}

pub(crate) fn streams_of_any_name_are_found_in_saved_segments(bed: &Bed) {
    let names = ["a\"b\\c", "{\"x\":1}", "é 😀", "0042", "'); DROP TABLE journal_batch; --"];
    let stream = |position: u64| {
        let name = names[usize::try_from(position).unwrap() % names.len()];
        Stream::application("note", name).unwrap()
    };
    let all: Vec<Recorded> = (1..=20)
        .map(|position| Recorded { stream: stream(position), ..bed::event_with_data(position, 9) })
        .collect();
    let (mut writer, mut index) = bed.open();
    let appended = writer.append(&all).unwrap();
    for segment in index.record(&all, &appended) {
        writer.save_segment(&segment).unwrap();
    }
    let wanted: Vec<(Stream, Position)> =
        (1..=5).map(|position| (stream(position), Position::ZERO)).collect();
    let found = bed.store.postings(&wanted).unwrap();
    let expected =
        (1..=5).map(|position| [0, 5, 10, 15].map(|more| Position(position + more)).to_vec());
    assert_eq!(found, expected.collect::<Vec<_>>());
}

pub(crate) fn a_segment_may_stay_unsaved(bed: &Bed) {
    let (mut writer, mut index) = bed.open();
    let mut last_segment = None;
    for first in [1, 16, 31] {
        let events = events(first, first + 14);
        let appended = writer.append(&events).unwrap();
        last_segment = index.record(&events, &appended).pop();
    }
    assert_complete(&index, bed.store.as_ref(), 45);
    // Saved without those before it, it is of no use to the next start, and those before it are
    // in memory only.
    let last_segment = last_segment.unwrap();
    writer.save_segment(&last_segment).unwrap();
    index.saved(&last_segment);
    assert_complete(&index, bed.store.as_ref(), 45);
    assert_eq!(bed.store.last_segment().unwrap(), None);
    drop(writer);
    let (_, index) = bed.open();
    assert_complete(&index, bed.store.as_ref(), 45);
    assert_eq!(bed.store.last_segment().unwrap().unwrap().position, Position(40));
}

pub(crate) fn keys_outside_the_window_are_forgotten(bed: &Bed) {
    // Events are 10 seconds apart and leave by whole segments of ten: 41 to 50 ends at +500 s,
    // 21 to 30 at +300 s, which is the last one inside.
    let window = KeyWindow { seconds: 200 };
    let open = |lease: Lease| {
        Writer::open_with_segments(Arc::clone(&bed.store), lease, window, SEGMENT_LENGTH).unwrap()
    };
    let (mut writer, mut index) = open(PATIENCE);
    for first in (1..=50).step_by(10) {
        bed::append(&mut writer, &mut index, first, first + 9);
    }
    let (_, reopened) = open(Lease::Forced);
    for index in [&index, &reopened] {
        assert!((1..=20).all(|position| find(index, position).is_empty()));
        assert!((21..=50).all(|position| find(index, position) == [position]));
    }
}

pub(crate) fn the_newest_snapshot_at_or_below_a_version_is_found(bed: &Bed) {
    let stream = Stream::stored("wallet/t_a");
    let snapshot = |version: u64, schema: &str, state: &str| Snapshot {
        stream: stream.clone(),
        version: Version(version),
        position: Position(version * 10),
        schema_hash: schema.to_owned(),
        state: state.to_owned(),
        supersedes: None,
    };
    let saved = [snapshot(3, "a", "{}"), snapshot(5, "a", "{\"x\":1}"), snapshot(7, "b", "[]")];
    let (mut writer, _) = bed.open();
    writer.save_snapshots(&saved).unwrap();
    let other = Snapshot { stream: Stream::stored("wallet/t_b"), ..snapshot(9, "a", "1") };
    writer.save_snapshots(&[other, snapshot(3, "a", "{ }")]).unwrap();
    let find = |most: Option<u64>, schema: &str| {
        let streams = [Stream::stored("wallet/t_none"), stream.clone()];
        let mut found = bed.store.snapshots(&streams, most.map(Version), schema).unwrap();
        assert!(found.len() < 2, "one stream has none");
        found.pop()
    };
    assert_eq!(find(None, "a"), Some(saved[1].clone()));
    assert_eq!(find(Some(5), "a"), Some(saved[1].clone()));
    assert_eq!(find(Some(4), "a"), Some(snapshot(3, "a", "{ }")));
    assert_eq!(find(Some(2), "a"), None);
    assert_eq!(find(None, "b"), Some(saved[2].clone()));
    assert_eq!(find(None, "c"), None);
    let next = Snapshot { supersedes: Some(Version(5)), ..snapshot(11, "a", "2") };
    let last = Snapshot { supersedes: Some(Version(11)), ..snapshot(12, "a", "3") };
    writer.save_snapshots(&[next, last]).unwrap();
    assert_eq!(find(None, "a"), Some(snapshot(12, "a", "3")));
    assert_eq!(find(Some(11), "a"), Some(snapshot(3, "a", "{ }")), "5 and 11 are superseded");
    assert_eq!(find(Some(11), "b"), Some(saved[2].clone()));
}
