//! A journal as lines, and back to the byte.

use std::io::{self, Write};

use quipu_domain::Position;
use quipu_journal::json_lines::{ExportError, ImportError, Imported, export, import};
use quipu_journal::{BatchRow, JournalError, Store, Writer};

use crate::bed::{Bed, PATIENCE, append, events, in_memory};

fn exported(store: &dyn Store) -> String {
    let mut text = Vec::new();
    export(store, &mut text, &mut |_| {}).unwrap();
    String::from_utf8(text).unwrap()
}

fn imported(store: &dyn Store, text: &str) -> Result<Imported, ImportError> {
    import(store, PATIENCE, &mut text.as_bytes(), &mut |_| {})
}

fn rows(store: &dyn Store) -> Vec<BatchRow> {
    store.rows_after(Position::ZERO, 1_000_000).unwrap()
}

/// The lines of a journal of 40 events, and how many lines its first rows take.
fn lines() -> Vec<String> {
    let source = in_memory();
    drop(source.with_events(40));
    exported(&*source.store).lines().map(str::to_owned).collect()
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The line and the reason, and that everything before the row of that line is there.
fn stopped(bed: &Bed, lines: &[String]) -> (u64, String) {
    let Err(ImportError::Line { line, why }) = imported(&*bed.store, &text(lines)) else {
        panic!("it was not stopped at a line")
    };
    let before = &lines[..usize::try_from(line).unwrap() - 1];
    let commits = before.iter().filter(|line| line.starts_with("{\"commit\":")).count();
    assert_eq!(rows(&*bed.store).len(), commits, "the rows before line {line} stay: {why}");
    (line, why)
}

pub(crate) fn the_form_is_as_it_is_written_down(bed: &Bed) {
    let (mut writer, mut index) = bed.open();
    append(&mut writer, &mut index, 1, 2);
    append(&mut writer, &mut index, 3, 3);
    insta::assert_snapshot!("json_lines", exported(&*bed.store));
}

pub(crate) fn an_import_restores_every_row_to_the_byte(bed: &Bed) {
    let source = in_memory();
    drop(source.with_events(40));
    let text = exported(&*source.store);
    let restored = imported(&*bed.store, &text).unwrap();
    assert_eq!((restored.added, restored.known), (40, 0));
    assert_eq!(restored.end, source.store.head().unwrap());
    assert_eq!(bed.store.head().unwrap(), source.store.head().unwrap());
    assert_eq!(rows(&*bed.store), rows(&*source.store));
    assert_eq!(exported(&*bed.store), text);
    let (mut writer, mut index) = bed.open();
    append(&mut writer, &mut index, 41, 43);
}

pub(crate) fn an_empty_journal_is_restored_too(bed: &Bed) {
    let text = exported(&*in_memory().store);
    assert_eq!(text.lines().count(), 2);
    let restored = imported(&*bed.store, &text).unwrap();
    assert_eq!((restored.added, restored.end.position), (0, Position::ZERO));
}

pub(crate) fn an_import_goes_on_where_it_broke_off(bed: &Bed) {
    let lines = lines();
    let mut known = 0;
    for length in [1, 2, 9, 20, 33, lines.len() - 1] {
        let (line, why) = stopped(bed, &lines[..length]);
        assert_eq!(line, length as u64 + 1);
        assert!(why.contains("breaks off"), "{why}");
        known = bed.store.head().unwrap().position.0;
    }
    let restored = imported(&*bed.store, &text(&lines)).unwrap();
    assert_eq!((restored.known, restored.added), (known, 40 - known));
    let again = imported(&*bed.store, &text(&lines)).unwrap();
    assert_eq!((again.known, again.added), (40, 0));
    assert_eq!(exported(&*bed.store), text(&lines));
}

pub(crate) fn the_beginning_of_a_book_is_there_already(bed: &Bed) {
    let (mut writer, mut index) = bed.open();
    append(&mut writer, &mut index, 1, 7);
    let beginning = exported(&*bed.store);
    append(&mut writer, &mut index, 8, 9);
    drop(writer);
    let restored = imported(&*bed.store, &beginning).unwrap();
    assert_eq!((restored.known, restored.added, restored.end.position.0), (7, 0, 7));
    assert_eq!(bed.store.head().unwrap().position, Position(9));
}

pub(crate) fn another_book_is_refused_and_left_as_it_was(bed: &Bed) {
    let (mut writer, mut index) = bed.open();
    // The same events, in rows of other lengths.
    append(&mut writer, &mut index, 1, 1);
    append(&mut writer, &mut index, 2, 10);
    drop(writer);
    let before = rows(&*bed.store);
    let refused = imported(&*bed.store, &text(&lines())).unwrap_err();
    let ImportError::OtherBook { position, .. } = refused else { panic!("{refused}") };
    assert_eq!(position, Position(2));
    assert_eq!(rows(&*bed.store), before);
}

pub(crate) fn an_import_waits_for_no_running_writer(bed: &Bed) {
    let (_writer, _index) = bed.open();
    let at_once = quipu_journal::Lease::Wait(std::time::Duration::ZERO);
    let refused = import(&*bed.store, at_once, &mut text(&lines()).as_bytes(), &mut |_| {});
    assert!(
        matches!(refused, Err(ImportError::Journal(JournalError::LeaseHeld { .. }))),
        "{refused:?}"
    );
}

pub(crate) fn a_line_that_does_not_hold_stops_the_import_there(bed: &Bed) {
    let lines = lines();
    let commit = |after: usize| {
        let found = lines[after..].iter().position(|line| line.starts_with("{\"commit\":"));
        after + found.unwrap()
    };
    let first = lines[0].clone();
    let last = lines.len() - 1;
    // Ever further into the file, so that each begins with what the ones before it left.
    let changes: Vec<(usize, String, usize, &str)> = vec![
        (0, first.replace("\"quipu_journal\":1", "\"quipu_journal\":2"), 0, "reads format 1"),
        (0, first.replace(":1,", ": 1,"), 0, "must be written as"),
        (0, "{\"position\":1}".to_owned(), 0, "not the first line"),
        (1, lines[1].replace("local", "focal"), commit(1), "do not hash to this commit"),
        (3, lines[3].replace("\"position\":", "\"place\":"), 3, "place"),
        (3, format!("{} ", lines[3]), 3, "beside the event's object"),
        (4, lines[5].clone(), 4, "says it is number"),
        (9, lines[9].replace("12:0", "11:0"), 9, "the event before it is from"),
        (
            commit(12),
            lines[commit(12)].replace("\"root\":\"", "\"root\":\"0"),
            commit(12),
            "do not hash",
        ),
        (commit(20), lines[commit(20)].replace("12:", "13:"), commit(20), "do not hash"),
        (last, lines[last].replace(":40,", ":41,"), last, "the last line must be"),
        (last, format!("{}\n{{}}", lines[last]), last + 1, "something follows"),
    ];
    for (line, changed, stops, why) in changes {
        let mut lines = lines.clone();
        assert_ne!(lines[line], changed);
        lines[line] = changed;
        let (at, said) = stopped(bed, &lines);
        assert_eq!(at, stops as u64 + 1, "{said}");
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(imported(&*bed.store, &text(&lines)).unwrap().added, 0);
}

/// An output on whose first line somebody else appends.
struct Busy<'a> {
    text: Vec<u8>,
    meanwhile: Option<&'a mut Writer>,
}

impl Write for Busy<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(writer) = self.meanwhile.take() {
            let next = writer.head().position.0 + 1;
            writer.append(&events(next, next + 4)).unwrap();
        }
        self.text.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn what_is_appended_during_an_export_is_left_out(bed: &Bed) {
    let (mut writer, _index) = bed.with_events(12);
    let before = exported(&*bed.store);
    let mut busy = Busy { text: Vec::new(), meanwhile: Some(&mut writer) };
    let head = export(&*bed.store, &mut busy, &mut |_| {}).unwrap();
    assert_eq!(String::from_utf8(busy.text).unwrap(), before);
    assert_eq!((head.position.0, writer.head().position.0), (12, 17));
}

pub(crate) fn what_does_not_hold_is_named_and_not_written(bed: &Bed) {
    drop(bed.with_events(12));
    let whole = exported(&*bed.store);
    let database = bed.without_triggers();
    let mut writer = database.writer().unwrap();
    for (change, mend, expected) in [
        (
            "UPDATE journal_batch SET events = replace(events, ',\"version\"', ' ,\n\"version\"') \
             WHERE first_position = 2",
            "UPDATE journal_batch SET events = replace(events, ' ,\n\"version\"', ',\"version\"') \
             WHERE first_position = 2",
            "the bytes of positions 2 to 6 hash to ",
        ),
        (
            "UPDATE journal_batch SET last_position = 7 WHERE first_position = 2",
            "UPDATE journal_batch SET last_position = 6 WHERE first_position = 2",
            "row says it holds positions 2 to 7 but has 5 events",
        ),
        (
            "UPDATE journal_batch SET first_position = 3 WHERE first_position = 2",
            "UPDATE journal_batch SET first_position = 2 WHERE first_position = 3",
            "the row of this position is missing: the next one begins at 3",
        ),
    ] {
        writer.execute(change, &[]).unwrap();
        let mut lines = Vec::new();
        let refused = export(&*bed.store, &mut lines, &mut |_| {}).unwrap_err();
        let ExportError::Journal(JournalError::Corrupt { position, why }) = refused else {
            panic!("{refused}")
        };
        assert_eq!(position, Position(2), "{why}");
        assert!(why.contains(expected), "{why}");
        let lines = String::from_utf8(lines).unwrap();
        assert!(whole.starts_with(&lines) && lines.lines().count() == 3, "{lines}");
        writer.execute(mend, &[]).unwrap();
    }
    assert_eq!(exported(&*bed.store), whole);
}
