use quipu_domain::{Position, Timestamp};
use quipu_journal::codec;

use crate::bed::{Bed, event, events, recorded_at};

pub(crate) fn pages_begin_and_end_anywhere(bed: &Bed) {
    let _writer = bed.with_events(40);
    let journal = bed.journal();
    for after in 0..=41 {
        for limit in [1, 2, 7, 100] {
            let page = journal.page(Position(after), limit).unwrap();
            let last = (after + limit as u64).min(40);
            assert_eq!(page, events(after + 1, last), "{limit} after {after}");
        }
    }
    assert!(journal.page(Position(u64::MAX >> 2), 5).unwrap().is_empty());
}

pub(crate) fn rows_are_found_by_the_positions_they_hold(bed: &Bed) {
    let _writer = bed.with_events(40);
    let all = bed.store.rows_after(Position::ZERO, 100).unwrap();
    let wanted = [Position(40), Position(2), Position(3), Position(2), Position(30), Position(99)];
    let found = bed.store.rows_holding(&wanted).unwrap();
    let expected: Vec<_> = all
        .into_iter()
        .filter(|row| wanted.iter().any(|p| (row.first_position..=row.last_position).contains(p)))
        .collect();
    let held = |rows: &[quipu_journal::BatchRow], position: u64| {
        rows.iter().any(|row| row.last_position.0 >= position && row.first_position.0 <= position)
    };
    assert!(held(&found, 2) && held(&found, 30) && held(&found, 40));
    // A position beyond the head may bring the last row along, and no other.
    assert_eq!(found, expected);
    assert!(bed.store.rows_holding(&[]).unwrap().is_empty());
}

pub(crate) fn single_events_are_read_without_the_rest(bed: &Bed) {
    let _writer = bed.with_events(40);
    let wanted = [Position(17), Position(1), Position(40), Position(17), Position(0), Position(41)];
    let found = bed.journal().events_at(&wanted).unwrap();
    assert_eq!(found, [event(1), event(17), event(40)]);
}

pub(crate) fn the_last_event_of_a_moment_is_found(bed: &Bed) {
    assert_eq!(bed.journal().last_recorded_by(recorded_at(5)).unwrap(), Position::ZERO);
    let _writer = bed.with_events(40);
    let journal = bed.journal();
    let before_all = recorded_at(1).plus_seconds(-1);
    assert_eq!(journal.last_recorded_by(before_all).unwrap(), Position::ZERO);
    let moments = (1..=40).flat_map(|position| {
        let moment = recorded_at(position);
        [moment, Timestamp::from_micros(moment.micros() - 1).unwrap()]
    });
    for moment in moments.chain([recorded_at(40).plus_seconds(3_600)]) {
        let known = (1..=40).filter(|position| recorded_at(*position) <= moment).max();
        let last = journal.last_recorded_by(moment).unwrap();
        assert_eq!(last, Position(known.unwrap_or(0)), "{moment}");
    }
}

pub(crate) fn stored_pages_keep_the_exact_text(bed: &Bed) {
    let _writer = bed.with_events(20);
    for stored in bed.journal().stored_page(Position(4), 9).unwrap() {
        let original = event(stored.position.0);
        let mut text = Vec::new();
        codec::encode(&original, &mut text);
        assert_eq!(stored.text.as_bytes(), text);
        assert_eq!((stored.stream, stored.tenant), (original.stream, original.tenant));
        assert_eq!(stored.type_name, original.event.type_name());
    }
}
