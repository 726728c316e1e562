//! A statement of a period: opening, lines in the order of recording, closing (M5).

use quipu_domain::{Label, MeterName, Position, Timestamp};
use quipu_projections::{BookBalance, Entry};
use quipu_views::{AsOf, EntryQuery, KnownAt, Order, PeriodBalance, Views};

use super::{acme, with_views};
use crate::history::{History, text};

/// All pages of a statement, and the period's balances, which each page tells.
fn statement(
    views: &Views,
    query: &EntryQuery,
    now: Timestamp,
) -> (Vec<Entry>, Option<PeriodBalance>) {
    let mut query = query.clone();
    let mut lines = Vec::new();
    loop {
        let page = views.entries(&acme(), &query, now).unwrap().value;
        lines.extend(page.entries.items);
        if page.entries.next.is_none() {
            return (lines, page.period);
        }
        query.after = page.entries.next;
    }
}

fn moved_by(line: &Entry) -> BookBalance {
    let [available, held, overdraft] =
        [line.available_delta, line.held_delta, line.overdraft_delta]
            .map(|delta| i128::from(delta.micros()));
    BookBalance { available, held, overdraft }
}

/// Each line's balance is that of the line before it, and what it moved; from the opening on.
fn assert_goes_on_from(mut balance: BookBalance, lines: &[Entry]) -> BookBalance {
    for line in lines {
        balance = balance.plus(moved_by(line));
        assert_eq!(line.after, balance, "event {}", line.position);
    }
    balance
}

/// Histories with lines that are dated back, and ahead.
fn histories() -> [History; 2] {
    [History::generated(300), History::disordered(600)]
}

fn middle(history: &History) -> Timestamp {
    let first = history.events[0].recorded_at;
    Timestamp::from_micros((first.micros() + history.now.micros()) / 2).unwrap()
}

#[test]
fn m5_each_line_of_a_period_goes_on_from_the_opening_to_the_closing() {
    for history in histories() {
        let (middle, now) = (middle(&history), history.now);
        let early = middle.plus_seconds(-3_600);
        let half = Position(history.head().0 / 2);
        let known_at = AsOf { as_of: None, known_at: Some(KnownAt::Position(half)) };
        let as_of = AsOf { as_of: Some(middle.plus_seconds(-60)), known_at: None };
        with_views(&history, |views| {
            for (from, to, at, limit) in [
                (None, Some(middle), AsOf::default(), 1_000),
                (Some(middle), None, AsOf::default(), 7),
                (Some(early), Some(middle), AsOf::default(), 7),
                (Some(early), Some(middle), known_at, 64),
                (Some(early), Some(middle), as_of, 7),
                (Some(middle), Some(middle), AsOf::default(), 7),
            ] {
                let query = EntryQuery { from, to, at, limit, ..EntryQuery::default() };
                let (lines, period) = statement(views, &query, now);
                let PeriodBalance { opening, closing } = period.unwrap();
                assert_eq!(assert_goes_on_from(opening, &lines), closing);
                let newest = EntryQuery { order: Order::NewestFirst, ..query };
                let (mut newest, same) = statement(views, &newest, now);
                newest.reverse();
                assert_eq!((newest, same), (lines, period));
            }
        });
    }
}

#[test]
fn m5_the_lines_of_a_moment_come_to_its_balance() {
    for history in histories() {
        let (middle, now) = (middle(&history), history.now);
        let at = AsOf { as_of: Some(middle), known_at: None };
        with_views(&history, |views| {
            for at in [at, AsOf::default()] {
                let query = EntryQuery { at, limit: 50, ..EntryQuery::default() };
                let (lines, _) = statement(views, &query, now);
                let last = assert_goes_on_from(BookBalance::default(), &lines);
                assert_eq!(last, views.balance_as_of(&acme(), at, now).unwrap().value);
                let newest = EntryQuery { order: Order::NewestFirst, ..query };
                let (mut newest, _) = statement(views, &newest, now);
                newest.reverse();
                assert_eq!(newest, lines);
            }
        });
    }
}

#[test]
fn a_line_says_what_stood_after_it_whatever_else_is_left_out() {
    let history = History::generated(300);
    let from = Some(middle(&history));
    let (agent, meter): (Label, MeterName) = (text("writer"), text("calls"));
    with_views(&history, |views| {
        let all = EntryQuery { from, limit: 1_000, ..EntryQuery::default() };
        let (all_lines, _) = statement(views, &all, history.now);
        for query in [
            EntryQuery { agent: Some(agent.clone()), limit: 3, ..all.clone() },
            EntryQuery { meter: Some(meter.clone()), limit: 3, ..all.clone() },
            EntryQuery { event_type: Some("CreditsGranted".into()), limit: 3, ..all },
        ] {
            let (lines, _) = statement(views, &query, history.now);
            assert!(!lines.is_empty() && lines.len() < all_lines.len());
            assert!(lines.iter().all(|line| all_lines.contains(line)));
        }
    });
}
