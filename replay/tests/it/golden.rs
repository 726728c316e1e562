//! Journals of every released format still verify, and still give the same rows.

use std::collections::BTreeMap;

use quipu_domain::{Event, Position, Recorded, TenantId, Timestamp};
use quipu_journal::{BatchRow, Root, codec};
use quipu_projections::{AuditLine, Cell, Statement};
use serde::Deserialize;

use crate::book::{report, report_signed, views};

const FORMAT_1: &str = include_str!("../../golden/format-1.jsonl");
/// As format 1, of a book that was restored and lost what had been signed.
const FORMAT_1_EPOCHS: &str = include_str!("../../golden/format-1-epochs.jsonl");
const FORMAT_2: &str = include_str!("../../golden/format-2.jsonl");
/// As format 2, of a book whose periods are closed.
const FORMAT_2_PERIODS: &str = include_str!("../../golden/format-2-periods.jsonl");
/// As format 2, of a book with meters, agents and tenants whose names nothing new may have.
const FORMAT_2_NAMES: &str = include_str!("../../golden/format-2-names.jsonl");
const FORMAT_3: &str = include_str!("../../golden/format-3.jsonl");
/// A book that programs of format 2 began, whose usage has what was carried to it, or has not.
const FORMAT_3_CARRIED: &str = include_str!("../../golden/format-3-carried.jsonl");
const FORMAT_4: &str = include_str!("../../golden/format-4.jsonl");
/// As format 4, of a book in which a void gave back what had been carried to a record.
const FORMAT_4_VOIDED: &str = include_str!("../../golden/format-4-voided.jsonl");
const FORMAT_5: &str = include_str!("../../golden/format-5.jsonl");
/// As format 5, of a book in which a record left its running total and came back.
const FORMAT_5_LEFT: &str = include_str!("../../golden/format-5-left.jsonl");
const FORMAT_6: &str = include_str!("../../golden/format-6.jsonl");
/// As format 6, of a book in which records that were rated by themselves joined a running total.
const FORMAT_6_JOINED: &str = include_str!("../../golden/format-6-joined.jsonl");
/// As format 3, with a period that is sealed in parts.
const FORMAT_3_PERIODS: &str = include_str!("../../golden/format-3-periods.jsonl");

/// A line of a golden journal.
#[derive(Deserialize)]
struct Line {
    first_position: u64,
    last_position: u64,
    recorded_at_micros: i64,
    prev_root: Root,
    root: Root,
    events: String,
}

fn journal(lines: &str) -> Vec<BatchRow> {
    let row = |line: &str| {
        let line: Line = serde_json::from_str(line).unwrap();
        BatchRow {
            first_position: Position(line.first_position),
            last_position: Position(line.last_position),
            recorded_at: Timestamp::from_micros(line.recorded_at_micros).unwrap(),
            events: line.events,
            prev_root: line.prev_root,
            root: line.root,
        }
    };
    lines.lines().map(row).collect()
}

fn events(rows: &[BatchRow]) -> Vec<Recorded> {
    let texts = rows.iter().flat_map(|row| codec::texts(row).unwrap());
    texts.map(|(position, text)| codec::decode(position, text).unwrap()).collect()
}

fn shown(cells: &[Cell]) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Null => "-".to_owned(),
        Cell::Int(number) => number.to_string(),
        Cell::Text(text) => text.to_string(),
        Cell::Bytes(bytes) => format!("{bytes:02x?}"),
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(" | ")
}

#[test]
fn every_format_verifies_and_gives_the_same_rows() {
    for (name, lines) in [
        ("format-1-rows", FORMAT_1),
        ("format-2-rows", FORMAT_2),
        ("format-2-periods-rows", FORMAT_2_PERIODS),
        ("format-2-names-rows", FORMAT_2_NAMES),
        ("format-3-rows", FORMAT_3),
        ("format-3-carried-rows", FORMAT_3_CARRIED),
        ("format-3-periods-rows", FORMAT_3_PERIODS),
        ("format-4-rows", FORMAT_4),
        ("format-4-voided-rows", FORMAT_4_VOIDED),
        ("format-5-rows", FORMAT_5),
        ("format-5-left-rows", FORMAT_5_LEFT),
        ("format-6-rows", FORMAT_6),
        ("format-6-joined-rows", FORMAT_6_JOINED),
    ] {
        verifies_and_gives_the_same_rows(name, journal(lines));
    }
}

fn verifies_and_gives_the_same_rows(name: &str, rows: Vec<BatchRow>) {
    let events = events(&rows);
    let mut views = views(&events);
    let report = report(rows, Some(&mut views), &[]);
    assert_eq!(report.finding, None);

    views.tables.sort_by_key(|(table, _)| table.name);
    let mut text = String::new();
    for (table, rows) in &views.tables {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        text += &format!("\n{}: {}\n", table.name, columns.join(" | "));
        rows.iter().for_each(|cells| text += &format!("  {}\n", shown(cells)));
    }
    text += "\nstatement:\n";
    let mut statements: BTreeMap<TenantId, Statement> = BTreeMap::new();
    for event in &events {
        let Some(tenant) = &event.tenant else { continue };
        let statement = statements.entry(tenant.clone()).or_default();
        if let Some(entry) = statement.line(event).unwrap() {
            text += &format!("  {entry:?}\n");
        }
    }
    text += "\naudit log:\n";
    events.iter().for_each(|event| text += &format!("  {:?}\n", AuditLine::of(event)));
    insta::with_settings!({ snapshot_path => "../../golden", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn a_book_with_a_second_epoch_verifies() {
    let rows = journal(FORMAT_1_EPOCHS);
    let events = events(&rows);
    let mut views = views(&events);
    assert_eq!(report(rows, Some(&mut views), &[]).finding, None);
    let epoch = events.iter().find(|recorded| matches!(recorded.event, Event::Epoch(_)));
    let line = AuditLine::of(epoch.expect("it has one"));
    assert_eq!(
        &*line.summary,
        "began to sign as quipu.local/main/e2; 7 events had been signed as quipu.local/main/e1"
    );
    let reason = line.reason.map(|reason| reason.to_string());
    assert_eq!(reason.as_deref(), Some("the book has 2 events, and 7 had been signed"));
}

/// J6: what an older epoch signed and a restore lost is said by the event that began the new one.
#[test]
fn j6_a_book_is_held_to_what_was_signed_in_its_present_epoch() {
    let rows = journal(FORMAT_1_EPOCHS);
    let last = rows.last().unwrap();
    let (end, root, other) = (last.last_position.0, last.root, rows[0].root);
    let held = |signed: &[(u64, u64, Root)]| {
        report_signed(rows.clone(), signed).finding.map(|found| found.position.0)
    };
    assert_eq!(held(&[(2, end, root), (1, 7, other), (1, end + 9, other)]), None);
    assert_eq!(held(&[(2, end, other)]), Some(end), "rewritten");
    assert_eq!(held(&[(1, 7, other), (2, end + 9, root)]), Some(end + 1), "cut off");
    assert_eq!(held(&[(3, end + 9, root)]), Some(end + 1), "an epoch that is lost");
}

#[test]
fn events_are_written_today_as_the_newest_format_has_them() {
    let newest = [FORMAT_2_PERIODS, FORMAT_3_PERIODS, FORMAT_4_VOIDED, FORMAT_6, FORMAT_6_JOINED];
    for row in newest.into_iter().flat_map(journal) {
        let texts: Vec<String> = codec::texts(&row)
            .unwrap()
            .map(|(position, text)| {
                let mut again = Vec::new();
                codec::encode(&codec::decode(position, text).unwrap(), &mut again);
                String::from_utf8(again).unwrap()
            })
            .collect();
        assert_eq!(codec::join(texts.iter().map(String::as_str)), row.events);
    }
}

#[test]
fn the_newest_golden_journal_has_every_wallet_event() {
    let events = events(&journal(FORMAT_6));
    let wallet = events.iter().filter(|recorded| matches!(recorded.event, Event::Wallet(_)));
    let mut types: Vec<&str> = wallet.map(|recorded| recorded.event.type_name()).collect();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types.len(), 17, "{types:?}");
}
