//! What differs is found, and the event that explains it is named.

use std::sync::Arc;

use quipu_domain::{Event, Position, Recorded};
use quipu_journal::Store;
use quipu_projections::Cell;
use quipu_replay::diff::{self, JournalsDiff, RowDifference, ViewsDiff};

use crate::book::{MemoryViews, Rows, bookkeeper, report, rows, rows_of, views};

fn compare(events: &[Recorded], left: &mut MemoryViews, right: Option<MemoryViews>) -> ViewsDiff {
    let store: Arc<dyn Store> = Arc::new(Rows::of(rows(events)));
    match right {
        None => diff::views(&store, left, None, 100, &mut |_| {}),
        Some(mut right) => diff::views(&store, left, Some(&mut right), 100, &mut |_| {}),
    }
    .unwrap()
}

/// The only row that differs.
fn only_row(diff: &ViewsDiff) -> &RowDifference {
    let [row] = diff.rows.as_slice() else { panic!("{:?}", diff.rows) };
    assert_eq!((diff.same, diff.different_rows), (false, 1));
    row
}

#[test]
fn views_that_follow_the_journal_are_the_same_as_its_fold() {
    let book = bookkeeper();
    let diff = compare(&book.events, &mut views(&book.events), None);
    assert!(diff.same, "{diff:?}");
    assert_eq!(diff.rows, []);
    assert!(diff.projections.iter().map(|each| each.same_rows).sum::<u64>() > 5);
}

#[test]
fn a_changed_a_missing_and_a_surplus_row_are_found_and_explained_in_every_table() {
    let book = bookkeeper();
    for (table, found) in views(&book.events).tables.iter().filter(|(_, rows)| !rows.is_empty()) {
        let name = table.name;
        let last = table.columns.len() - 1;
        let mut changed = views(&book.events);
        changed.table(name)[0][last] = Cell::Text("changed".into());
        let diff = compare(&book.events, &mut changed, None);
        let row = only_row(&diff);
        assert_eq!(row.table, name);
        assert_eq!(row.columns.len(), 1, "{name}");
        assert_eq!(row.columns[0].column, table.columns[last].name);
        assert!(!row.cause.left_holds && row.cause.right_holds, "{name}: {:?}", row.cause);
        let [event] = row.cause.events.as_slice() else { panic!("{name}: {:?}", row.cause) };
        assert!(event.position > Position::ZERO && event.actor == "local", "{name}");

        let mut missing = views(&book.events);
        missing.table(name).remove(0);
        let diff = compare(&book.events, &mut missing, None);
        let row = only_row(&diff);
        assert!(row.columns.iter().all(|column| column.left.is_none()), "{name}");
        assert!(row.cause.right_holds && !row.cause.events.is_empty(), "{name}");

        let mut surplus = views(&book.events);
        let mut row = found[0].clone();
        let key = table.key_columns - 1;
        row[key] = match &row[key] {
            Cell::Text(_) => Cell::Text("t_other".into()),
            _ => Cell::Int(1_000_000),
        };
        surplus.table(name).push(row);
        let diff = compare(&book.events, &mut surplus, None);
        let row = only_row(&diff);
        assert_eq!(row.cause.events, [], "{name}: no event ever made it");
        assert!(row.cause.what.contains("no event of the journal"), "{name}: {}", row.cause.what);
    }
}

#[test]
fn what_came_between_a_replay_and_the_views_explains_the_difference() {
    let mut book = bookkeeper();
    let before = book.events.len();
    book.debits(5, "1");
    let replayed = views(&book.events[..before]);
    let diff = compare(&book.events, &mut views(&book.events), Some(replayed));
    assert!(!diff.same);
    let balance = diff.rows.iter().find(|row| row.table == "balance").unwrap();
    insta::assert_json_snapshot!("between", balance);
    assert!(diff.rows.iter().all(|row| row.cause.left_holds && row.cause.right_holds));
    let grants = diff.rows.iter().filter(|row| row.table == "tenant").count();
    assert_eq!(grants, 0, "nothing happened to the tenant");

    let behind =
        compare(&book.events, &mut views(&book.events[..before]), Some(views(&book.events)));
    let turned = behind.rows.iter().find(|row| row.table == "balance").unwrap();
    assert_eq!(turned.cause.events, balance.cause.events);
    assert!(behind.rows.iter().all(|row| row.cause.left_holds && row.cause.right_holds));
}

#[test]
fn a_skipped_event_is_left_out_and_explains_nothing() {
    let book = bookkeeper();
    let last = book.events[5].position;
    let mut left = views(&book.events[..5]);
    for state in &mut left.states {
        state.checkpoint = last;
        state.skipped.insert(last);
    }
    assert!(compare(&book.events, &mut left, None).same);
    assert_eq!(report(rows(&book.events), Some(&mut left), &[]).finding, None);

    left.table("balance")[0][1] = Cell::Int(1);
    let diff = compare(&book.events, &mut left, None);
    let [event] = only_row(&diff).cause.events.as_slice() else { panic!("{diff:?}") };
    assert_eq!(event.position, Position(5));
}

#[test]
fn a_side_that_another_program_built_or_that_is_not_there_is_not_compared() {
    let book = bookkeeper();
    for (version, why) in [(99, "another version of quipu"), (0, "does not have it")] {
        let mut other = views(&book.events);
        other.states[0].version = version;
        let name = other.states[0].name.clone();
        other.tables.iter_mut().for_each(|(_, rows)| rows.clear());
        let left = compare(&book.events, &mut other, Some(views(&book.events)));
        let right = compare(&book.events, &mut views(&book.events), Some(other));
        for diff in [left, right] {
            let not_compared = diff.projections[0].not_compared.as_deref().unwrap();
            assert!(not_compared.contains(why), "{not_compared}");
            assert!(diff.rows.iter().all(|row| row.projection != name), "{:?}", diff.rows);
        }
    }
}

#[test]
fn what_lies_beyond_a_page_of_the_journal_is_compared_and_explained() {
    let mut book = bookkeeper();
    book.debits(4_200, "0.01");
    let head = book.events.len();
    let mut left = views(&book.events);
    assert!(compare(&book.events, &mut left, None).same);
    left.table("balance")[0][1] = Cell::Int(1);
    let diff = compare(&book.events, &mut left, None);
    let [event] = only_row(&diff).cause.events.as_slice() else { panic!("{diff:?}") };
    assert_eq!(event.position, Position(head as u64));

    // The first event after a page of 4,096.
    let mut other = book.events.clone();
    other[4_096].metadata.actor = "mallory".parse().unwrap();
    let [honest, forged] = [&book.events, &other].map(|events| Rows::of(rows_of(events, 1)));
    let diff = diff::journals(&honest, &forged, &mut |_| {}).unwrap();
    assert_eq!((diff.same, diff.same_until), (false, Position(4_096)));
    let parting = diff.parting.unwrap();
    assert_eq!(parting.position, Position(4_097));
    assert!(parting.fields.iter().any(|field| field.field == "actor"), "{parting:?}");
}

#[test]
fn a_forged_row_is_named_beside_honest_ones() {
    let book = bookkeeper();
    let before = book.events.len() - 1;
    let mut left = views(&book.events);
    left.table("balance")[0][1] = Cell::Int(1);
    let diff = compare(&book.events, &mut left, Some(views(&book.events[..before])));
    let balance = diff.rows.iter().find(|row| row.table == "balance").unwrap();
    assert!(!balance.cause.left_holds && balance.cause.right_holds, "{:?}", balance.cause);
    assert!(balance.cause.what.starts_with("the left side is not what the journal gives"));
}

#[test]
fn a_partition_that_is_parked_on_one_side_only_is_a_difference() {
    let book = bookkeeper();
    let parked = || {
        let mut parked = views(&book.events);
        let state = &mut parked.states[1];
        state.parked.insert("t_acme".to_owned());
        let projection = quipu_projections::named(&state.name).unwrap();
        for table in projection.rows().schemas() {
            parked.table(table.name).clear();
        }
        parked
    };
    for diff in [
        compare(&book.events, &mut parked(), None),
        compare(&book.events, &mut views(&book.events), Some(parked())),
    ] {
        assert!(!diff.same);
        assert_eq!(diff.projections[1].parked_on_one_side, ["t_acme"]);
        assert_eq!(diff.rows, [], "its rows were left out");
    }
}

#[test]
fn more_rows_than_are_told_are_counted() {
    let book = bookkeeper();
    let store: Arc<dyn Store> = Arc::new(Rows::of(rows(&book.events)));
    let mut left = views(&book.events);
    left.tables.iter_mut().for_each(|(_, rows)| rows.clear());
    let diff = diff::views(&store, &mut left, None, 2, &mut |_| {}).unwrap();
    assert_eq!(diff.rows.len(), 2);
    assert!(diff.different_rows > 5, "{}", diff.different_rows);
}

fn journals(left: &[Recorded], right: &[Recorded]) -> JournalsDiff {
    let (left, right) = (Rows::of(rows(left)), Rows::of(rows(right)));
    diff::journals(&left, &right, &mut |_| {}).unwrap()
}

#[test]
fn two_journals_are_the_same_event_by_event() {
    let events = bookkeeper().events;
    let diff = journals(&events, &events);
    assert!(diff.same && diff.parting.is_none());
    assert_eq!(diff.same_until, Position(events.len() as u64));
    assert_eq!(diff.left, diff.right);
}

#[test]
fn the_first_event_in_which_two_journals_differ_is_told_field_by_field() {
    let events = bookkeeper().events;
    let mut other = events.clone();
    let Event::Wallet(quipu_domain::wallet::WalletEvent::CreditsGranted(grant)) =
        &mut other[2].event
    else {
        panic!("the third event is a grant")
    };
    grant.amount = "21".parse().unwrap();
    other[2].metadata.actor = "mallory".parse().unwrap();
    other[4].metadata.actor = "mallory".parse().unwrap();
    let diff = journals(&events, &other);
    assert_eq!((diff.same, diff.same_until), (false, Position(2)));
    insta::assert_json_snapshot!("parting", diff.parting);
}

#[test]
fn a_field_that_only_one_of_two_events_has_is_told_beside_nothing() {
    let events = bookkeeper().events;
    let mut other = events.clone();
    other[5].effective_at = Some("2026-11-01T00:00:00Z".parse().unwrap());
    let told = |left: &[Recorded], right: &[Recorded]| {
        let parting = journals(left, right).parting.unwrap();
        let [field] = parting.fields.as_slice() else { panic!("{parting:?}") };
        (field.field.clone(), field.left.is_some(), field.right.is_some())
    };
    assert_eq!(told(&events, &other), ("effective_at".to_owned(), false, true));
    assert_eq!(told(&other, &events), ("effective_at".to_owned(), true, false));
}

#[test]
fn a_journal_that_goes_on_further_parts_where_the_other_ends() {
    let events = bookkeeper().events;
    let diff = journals(&events[..3], &events);
    let parting = diff.parting.unwrap();
    assert_eq!((diff.same_until, parting.position), (Position(3), Position(4)));
    assert_eq!(parting.left, None);
    assert_eq!(parting.right.unwrap().event_type, "HoldPlaced");
    let diff = journals(&events, &events[..3]);
    let parting = diff.parting.unwrap();
    assert_eq!((diff.same, parting.position), (false, Position(4)));
    assert_eq!((parting.left.unwrap().event_type.as_str(), parting.right), ("HoldPlaced", None));
    assert!(parting.what.starts_with("the right journal ends here"), "{}", parting.what);
}
