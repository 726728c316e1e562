use std::sync::Arc;
use std::time::Duration;

use quipu_journal::{AppendError, JournalError, KeyWindow, Lease, Outcome, Root, Writer};

use crate::bed::{self, Bed, PATIENCE, events};

pub(crate) fn a_row_that_does_not_follow_the_head_is_refused(bed: &Bed) {
    let rows = bed::rows(&[3, 4]);
    bed.store.acquire(PATIENCE).unwrap().append(rows.clone()).unwrap();
    let head = bed.store.head().unwrap();
    let mut beside = rows[1].clone();
    (beside.first_position, beside.last_position, beside.root) =
        (beside.last_position.plus(1), beside.last_position.plus(2), Root([1; 32]));
    let mut of_nothing = beside.clone();
    of_nothing.prev_root = Root([2; 32]);
    for fork in [rows[1].clone(), beside, of_nothing] {
        let mut appender = bed.store.acquire(PATIENCE).unwrap();
        assert_eq!(appender.append(vec![fork]), Err(AppendError::NotHead));
    }
    assert_eq!(bed.store.head().unwrap(), head);
}

pub(crate) fn a_forced_second_writer_is_refused_by_the_store(bed: &Bed) {
    let (mut first, _) = bed.with_events(5);
    let store = Arc::clone(&bed.store);
    let (mut second, _) = Writer::open(store, Lease::Forced, KeyWindow::default()).unwrap();
    assert_eq!(second.head(), first.head());
    first.append(&events(6, 7)).unwrap();
    assert_eq!(second.append(&events(6, 6)).unwrap_err(), AppendError::NotHead);
    let refused = second.append(&events(6, 6)).unwrap_err();
    assert_eq!(refused, AppendError::Failed(JournalError::NotRecovered));
    assert_eq!(second.recover().unwrap(), Outcome::Overtaken(first.head()));
    assert_eq!(bed.store.head().unwrap(), first.head());
    first.append(&events(8, 8)).unwrap();
}

pub(crate) fn a_second_writer_is_told_who_holds_the_lease(bed: &Bed) {
    let (_writer, _) = bed.open();
    let error = bed.store.acquire(Lease::Wait(Duration::from_millis(120))).err().unwrap();
    let JournalError::LeaseHeld { holder } = error else { panic!("{error:?}") };
    let process = format!("quipu writer pid {}", std::process::id());
    assert!(holder.starts_with(&process) || holder.contains("this process"), "{holder}");
}

pub(crate) fn a_second_writer_waits_for_the_lease(bed: &Bed) {
    let (mut writer, _) = bed.with_events(5);
    let store = Arc::clone(&bed.store);
    let waiting =
        std::thread::spawn(move || Writer::open(store, PATIENCE, KeyWindow::default()).unwrap().0);
    writer.append(&events(6, 6)).unwrap();
    let head = writer.head();
    drop(writer);
    assert_eq!(waiting.join().unwrap().head(), head);
}
