use quipu_domain::{Position, Recorded};
use quipu_journal::{AppendError, Head, JournalError, Root};

use crate::bed::{self, Bed, PATIENCE, event, event_with_data, events};

pub(crate) fn an_empty_journal_has_the_genesis_head(bed: &Bed) {
    assert_eq!(bed.store.head().unwrap(), Head::genesis());
    assert_eq!(bed.open().0.head(), Head::genesis());
    assert!(bed.store.rows_after(Position::ZERO, 10).unwrap().is_empty());
}

pub(crate) fn positions_are_gapless_and_the_head_follows(bed: &Bed) {
    let (writer, _) = bed.with_events(100);
    let head = bed.store.head().unwrap();
    assert_eq!(head, writer.head());
    assert_eq!((head.position, head.recorded_at), (Position(100), bed::recorded_at(100)));
    let (mut next, mut root) = (Position(1), Root::empty());
    for row in bed.store.rows_after(Position::ZERO, 1_000).unwrap() {
        assert_eq!((row.first_position, row.prev_root), (next, root));
        (next, root) = (row.last_position.plus(1), row.root);
    }
    assert_eq!((next, root), (Position(101), head.root));
}

pub(crate) fn the_same_events_give_the_same_root_in_every_store(bed: &Bed) {
    let (writer, _) = bed.with_events(50);
    let in_memory = bed::in_memory();
    assert_eq!(writer.head(), in_memory.with_events(50).0.head());
    let rows = |bed: &Bed| bed.store.rows_after(Position::ZERO, 100).unwrap();
    assert_eq!(rows(bed), rows(&in_memory));
}

pub(crate) fn a_large_commit_is_several_rows_of_bounded_size(bed: &Bed) {
    let (mut writer, _) = bed.open();
    writer.append(&events(1, 1_000)).unwrap();
    let large: Vec<_> = (1_001..=1_008).map(|p| event_with_data(p, 30_000)).collect();
    writer.append(&large).unwrap();
    let rows = bed.store.rows_after(Position::ZERO, 10_000).unwrap();
    let sizes: Vec<u64> =
        rows.iter().map(|row| row.last_position.0 - row.first_position.0 + 1).collect();
    assert_eq!(sizes, [256, 256, 256, 232, 3, 3, 2]);
    assert!(rows.iter().all(|row| row.events.len() <= 100_000));
    assert_eq!(
        bed.journal().page(Position::ZERO, 10_000).unwrap(),
        [events(1, 1_000), large].concat()
    );
}

pub(crate) fn rows_of_one_append_are_all_there_or_none(bed: &Bed) {
    let mut rows = bed::rows(&[3, 4, 5]);
    let good = rows.clone();
    rows[2].prev_root = Root([7; 32]);
    let error = bed.store.acquire(PATIENCE).unwrap().append(rows).unwrap_err();
    assert_eq!(error, AppendError::NotHead);
    assert_eq!(bed.store.head().unwrap(), Head::genesis());
    bed.store.acquire(PATIENCE).unwrap().append(good).unwrap();
    assert_eq!(bed.store.head().unwrap().position, Position(12));
}

pub(crate) fn an_event_too_large_writes_nothing(bed: &Bed) {
    let (mut writer, _) = bed.with_events(2);
    let before = writer.head();
    let error = writer.append(&[event(3), event_with_data(4, 60_000)]).unwrap_err();
    let AppendError::Failed(JournalError::EventTooLarge { position, bytes, .. }) = error else {
        panic!("{error:?}")
    };
    assert!(position == Position(4) && bytes > 60_000);
    assert_eq!(bed.store.head().unwrap(), before);
    writer.append(&[event(3), event_with_data(4, 59_000)]).unwrap();
}

pub(crate) fn events_out_of_order_write_nothing(bed: &Bed) {
    let (mut writer, _) = bed.with_events(5);
    let before = writer.head();
    let mut earlier = event(6);
    earlier.recorded_at = bed::recorded_at(4);
    for wrong in [vec![event(5)], vec![event(7)], vec![event(6), event(8)], vec![earlier]] {
        let error = writer.append(&wrong).unwrap_err();
        assert!(matches!(error, AppendError::Failed(JournalError::OutOfOrder { .. })), "{error:?}");
    }
    assert_eq!((writer.head(), bed.store.head().unwrap()), (before, before));
    writer.append(&[event(6)]).unwrap();
}

pub(crate) fn appending_nothing_changes_nothing(bed: &Bed) {
    let (mut writer, _) = bed.with_events(5);
    let before = writer.head();
    assert_eq!(writer.append::<Recorded>(&[]).unwrap().head, before);
    assert_eq!(bed.store.head().unwrap(), before);
}

pub(crate) fn a_journal_opened_again_goes_on_where_it_was(bed: &Bed) {
    let (writer, _) = bed.with_events(37);
    let before = writer.head();
    drop(writer);
    let (mut writer, mut index) = bed.open();
    assert_eq!(writer.head(), before);
    bed::append(&mut writer, &mut index, 38, 45);
    let uninterrupted = bed::in_memory();
    let (mut other, mut other_index) = uninterrupted.with_events(37);
    bed::append(&mut other, &mut other_index, 38, 45);
    assert_eq!(writer.head(), other.head());
}
