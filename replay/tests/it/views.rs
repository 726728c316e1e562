//! Every row of every view equals the fold.

use quipu_domain::Position;
use quipu_projections::Cell;

use crate::book::{MemoryViews, bookkeeper, report, rows, views};

fn found(change: impl FnOnce(&mut MemoryViews)) -> String {
    let book = bookkeeper();
    let mut views = views(&book.events);
    change(&mut views);
    report(rows(&book.events), Some(&mut views), &[]).finding.map_or_else(String::new, |f| f.what)
}

#[test]
fn a_changed_amount_is_named_with_row_and_column() {
    let what = found(|views| {
        let row = &mut views.table("balance")[0];
        let amount =
            row.iter_mut().find(|cell| matches!(cell, Cell::Int(n) if *n > 1_000)).unwrap();
        *amount = Cell::Int(1);
    });
    assert!(
        what.starts_with("in the view balances, the row tenant \"t_acme\" of balance has "),
        "{what}"
    );
    assert!(what.contains("1, but the journal gives"), "{what}");
}

#[test]
fn a_missing_a_surplus_and_a_changed_row_are_found_in_every_table() {
    let tables = views(&bookkeeper().events).tables;
    for (table, rows) in tables.iter().filter(|(_, rows)| !rows.is_empty()) {
        let missing = found(|views| drop(views.table(table.name).pop()));
        assert!(missing.contains("missing"), "{}: {missing}", table.name);
        let key = table.key_columns - 1;
        let surplus = found(|views| {
            let mut row = rows[0].clone();
            row[key] = match &row[key] {
                Cell::Text(_) => Cell::Text("t_other".into()),
                _ => Cell::Int(1_000_000),
            };
            views.table(table.name).push(row);
        });
        assert!(surplus.contains("should not be there"), "{}: {surplus}", table.name);
        let changed = found(|views| {
            let last = table.columns.len() - 1;
            views.table(table.name)[0][last] = Cell::Text("changed".into());
        });
        assert!(!changed.is_empty(), "{}", table.name);
    }
}

#[test]
fn a_partition_that_is_parked_for_a_reason_is_reported_and_left_out() {
    let book = bookkeeper();
    let mut views = views(&book.events);
    let balances = views.states.iter_mut().find(|state| state.name == "balances").unwrap();
    // Without the first grant, what is drawn from it cannot be applied.
    balances.skipped.insert(Position(2));
    balances.parked.insert("t_acme".to_owned());
    for table in ["balance", "lot"] {
        if views.tables.iter().any(|(schema, _)| schema.name == table) {
            views.table(table).clear();
        }
    }
    let report = report(rows(&book.events), Some(&mut views), &[]);
    assert_eq!(report.finding, None);
    let balances = report.projections.iter().find(|view| view.name == "balances").unwrap();
    assert_eq!(balances.parked, ["t_acme"]);
    assert_eq!(report.not_compared, ["balances"]);
}

#[test]
fn a_partition_that_is_parked_for_no_reason_is_found() {
    for partition in ["t_acme", "t_other", ""] {
        let what = found(|views| {
            views.states[1].parked.insert(partition.to_owned());
            views.table("balance")[0].pop();
        });
        assert!(what.contains("is parked, but the journal gives no reason"), "{what}");
        assert!(what.contains("quipu projections retry balances"), "{what}");
    }
}

#[test]
fn a_view_that_is_behind_is_compared_where_it_stands() {
    let book = bookkeeper();
    let mut behind = views(&book.events[..3]);
    let report = report(rows(&book.events), Some(&mut behind), &[]);
    assert_eq!(report.finding, None);
    assert!(report.projections.iter().all(|view| view.checkpoint == Position(3)));
    assert!(report.not_compared.is_empty());
}

#[test]
fn no_view_passes_for_compared_where_verification_ended_before_the_end_of_it() {
    let book = bookkeeper();
    let mut broken = rows(&book.events);
    broken[1].root.0[0] ^= 0x80;
    let report = report(broken, Some(&mut views(&book.events)), &[]);
    assert!(!report.holds);
    assert!(!report.projections.is_empty());
    assert!(report.projections.iter().all(|view| !view.compared && view.rows == 0));
    assert_eq!(report.not_compared.len(), report.projections.len());

    let mut views = views(&book.events);
    views.table("balance")[0].pop();
    let report = crate::book::report(rows(&book.events), Some(&mut views), &[]);
    let at = report.projections.iter().position(|view| view.name == "balances").unwrap();
    let (before, after) = report.projections.split_at(at);
    assert!(before.iter().all(|view| view.compared));
    assert!(after.iter().all(|view| !view.compared));
    assert_eq!(report.not_compared.len(), after.len());
}

#[test]
fn a_view_of_another_version_is_not_compared() {
    let book = bookkeeper();
    let mut views = views(&book.events);
    views.states[0].version += 1;
    let report = report(rows(&book.events), Some(&mut views), &[]);
    assert_eq!(report.finding, None);
    assert!(!report.projections[0].compared);
    assert_eq!(report.not_compared, [report.projections[0].name.as_str()]);
}
