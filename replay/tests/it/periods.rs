//! Sealed trial balances that hold, and some that somebody made up.

use quipu_domain::period::{BalancesSealed, PeriodClosed, PeriodEvent, PeriodName, SealedBalance};
use quipu_domain::{Event, Position, Recorded, Stream, Version};
use rust_decimal::Decimal;

use crate::book::{bookkeeper, report, rows};

const UNTIL_POSITION_4: &[(&str, &str)] =
    &[("available", "445"), ("held", "75"), ("issued/purchase", "-520")];

/// The book with the day of its events closed by its seventh event.
fn sealed(known_at: u64, balances: &[(&str, &str)], root: Option<&str>) -> Vec<Recorded> {
    sealed_day("2026-11-20", known_at, balances, root)
}

fn sealed_day(
    day: &str,
    known_at: u64,
    balances: &[(&str, &str)],
    root: Option<&str>,
) -> Vec<Recorded> {
    let mut events = bookkeeper().events;
    let rows = rows(&events);
    let row = rows.iter().find(|row| row.last_position == Position(known_at));
    let true_root = row.map_or_else(|| "none".to_owned(), |row| row.root.to_string());
    let period: PeriodName = day.parse().unwrap();
    let balances = balances.iter().map(|(account, closing)| SealedBalance {
        account: account.parse().unwrap(),
        opening: Decimal::ZERO,
        late: Decimal::ZERO,
        movement: closing.parse().unwrap(),
        closing: closing.parse().unwrap(),
    });
    let closed = PeriodClosed {
        period,
        from: period.begins_at(),
        to: period.ends_at(),
        known_at: Position(known_at),
        root: root.unwrap_or(&true_root).parse().unwrap(),
        balances: balances.collect(),
    };
    record(&mut events, PeriodEvent::PeriodClosed(closed));
    events
}

fn record(events: &mut Vec<Recorded>, event: PeriodEvent) {
    let last = events[events.len() - 1].clone();
    let is_first = last.stream != Stream::periods();
    events.push(Recorded {
        position: last.position.plus(1),
        stream: Stream::periods(),
        version: if is_first { Version(1) } else { last.version.next() },
        id: uuid::Uuid::from_u128(90 + u128::from(last.position.0)),
        tenant: None,
        metadata: quipu_domain::Metadata::by("local".parse().unwrap()),
        event: Event::Period(event),
        ..last
    });
}

/// The same book with the balances of its last event in three, each with one of them.
fn in_parts(mut events: Vec<Recorded>) -> Vec<Recorded> {
    let Some(Event::Period(PeriodEvent::PeriodClosed(closed))) =
        events.pop().map(|recorded| recorded.event)
    else {
        panic!("the last event closes a period")
    };
    let [first, second, last] = &closed.balances[..] else { panic!("three accounts") };
    for balance in [first, second] {
        let part = BalancesSealed { period: closed.period, balances: vec![balance.clone()] };
        record(&mut events, PeriodEvent::BalancesSealed(part));
    }
    let balances = vec![last.clone()];
    record(&mut events, PeriodEvent::PeriodClosed(PeriodClosed { balances, ..closed }));
    events
}

fn finding(events: &[Recorded]) -> Option<String> {
    report(rows(events), None, &[]).finding.map(|finding| finding.what)
}

#[test]
fn c2_a_period_sealed_with_what_was_known_holds() {
    assert_eq!(finding(&sealed(4, UNTIL_POSITION_4, None)), None);
    let all = [("available", "478.25"), ("consumed/-", "41.75"), ("issued/purchase", "-520")];
    assert_eq!(finding(&sealed(6, &all, None)), None);
}

#[test]
fn c2_a_day_ends_before_the_next_one_begins() {
    assert_eq!(finding(&sealed_day("2026-11-19", 4, &[], None)), None);
    let what = finding(&sealed_day("2026-11-19", 4, UNTIL_POSITION_4, None)).unwrap();
    assert!(what.contains("available did not hold 445 when it was over"), "{what}");
}

#[test]
fn c2_a_sealed_balance_that_the_journal_does_not_give_is_found() {
    let wrong = [("available", "446"), ("held", "74"), ("issued/purchase", "-520")];
    let what = finding(&sealed(4, &wrong, None)).unwrap();
    assert!(what.contains("available did not hold 446 when it was over"), "{what}");
    let what = finding(&sealed(6, UNTIL_POSITION_4, None)).unwrap();
    assert!(what.contains("available did not hold 445"), "{what}");
    let what = finding(&sealed(4, &[], None)).unwrap();
    assert!(what.contains("available is left out"), "{what}");
}

#[test]
fn c2_a_root_that_is_not_the_journals_is_found() {
    let what = finding(&sealed(4, UNTIL_POSITION_4, Some("c0ffee"))).unwrap();
    assert!(what.contains("its root is not the journal's"), "{what}");
    // Within a row there is no root that was ever published.
    let what = finding(&sealed(3, &[], None)).unwrap();
    assert!(what.contains("its root is not the journal's"), "{what}");
    let what = finding(&sealed(7, UNTIL_POSITION_4, None)).unwrap();
    assert!(what.contains("its position is not before the event"), "{what}");
}

#[test]
fn c2_a_period_sealed_in_parts_is_compared_as_a_whole() {
    assert_eq!(finding(&in_parts(sealed(4, UNTIL_POSITION_4, None))), None);
    let wrong = [("available", "446"), ("held", "74"), ("issued/purchase", "-520")];
    let what = finding(&in_parts(sealed(4, &wrong, None))).unwrap();
    assert!(what.contains("available did not hold 446 when it was over"), "{what}");
}

#[test]
fn c2_parts_without_the_event_that_closes_the_period_are_found() {
    let mut events = in_parts(sealed(4, UNTIL_POSITION_4, None));
    events.pop();
    let found = report(rows(&events), None, &[]).finding.unwrap();
    assert_eq!(found.position, Position(7));
    assert!(found.what.contains("the event that closes it is missing"), "{}", found.what);
}
