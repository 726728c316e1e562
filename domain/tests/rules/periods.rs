//! C1, C2: periods tile time and are sealed with what the books say.

use cqrs_es::test::TestFramework;
use quipu_domain::period::{
    BalancesSealed, BookedBalance, ClosePeriod, MOST_BYTES_IN_EVENT, PeriodClosed, PeriodCommand,
    PeriodEvent, PeriodName, Periods, SealedBalance,
};
use quipu_domain::{Position, Refusal};
use rust_decimal::Decimal;

use crate::support::text;

fn decimal(number: &str) -> Decimal {
    text(number)
}

/// `available` moved by so much before the period and until its end, and as much was issued.
fn close(period: &str, known_at: u64, before: &str, closing: &str) -> PeriodCommand {
    let booked = |account: &str, sign: Decimal| BookedBalance {
        account: text(account),
        before: sign * decimal(before),
        closing: sign * decimal(closing),
    };
    PeriodCommand::Close(ClosePeriod {
        period: text(period),
        read_from: text("2026-11-20T12:00:00Z"),
        known_at: Position(known_at),
        root: text("c0ffee"),
        balances: vec![booked("available", Decimal::ONE), booked("issued/purchase", -Decimal::ONE)],
    })
}

/// The same, sealed: opening, late, movement and closing.
pub(crate) fn closed(period: &str, known_at: u64, parts: [&str; 4]) -> PeriodEvent {
    let name: PeriodName = text(period);
    let sealed = |account: &str, sign: Decimal| {
        let [opening, late, movement, closing] = parts.map(|part| sign * decimal(part));
        SealedBalance { account: text(account), opening, late, movement, closing }
    };
    PeriodEvent::PeriodClosed(PeriodClosed {
        period: name,
        from: name.begins_at(),
        to: name.ends_at(),
        known_at: Position(known_at),
        root: text("c0ffee"),
        balances: vec![sealed("available", Decimal::ONE), sealed("issued/purchase", -Decimal::ONE)],
    })
}

fn periods() -> TestFramework<Periods> {
    TestFramework::with(text("2026-11-20T12:00:00Z"))
}

#[test]
fn c1_a_period_is_closed_once_and_when_it_is_over() {
    periods()
        .given_no_previous_events()
        .when(close("2026-09", 7, "1", "3"))
        .then_expect_events(vec![closed("2026-09", 7, ["1", "0", "2", "3"])]);
    periods()
        .given(vec![closed("2026-09", 7, ["1", "0", "2", "3"])])
        .when(close("2026-09", 9, "1", "3"))
        .then_expect_error(Refusal::PeriodClosed {
            period: text("2026-09"),
            known_at: Position(7),
        });
    periods().given_no_previous_events().when(close("2026-11", 7, "1", "3")).then_expect_error(
        Refusal::PeriodNotOver { period: text("2026-11"), to: text("2026-12-01T00:00:00Z") },
    );
}

#[test]
fn c1_periods_leave_no_gap_and_do_not_overlap() {
    let given = || vec![closed("2026-09", 7, ["1", "0", "2", "3"])];
    let expected = text("2026-10-01T00:00:00Z");
    for period in ["2026-08", "2026-09-30", "2026-10-02", "2026"] {
        let refused = match period {
            "2026" => {
                Refusal::PeriodNotOver { period: text("2026"), to: text("2027-01-01T00:00:00Z") }
            }
            period => Refusal::PeriodOutOfOrder { period: text(period), expected },
        };
        periods().given(given()).when(close(period, 9, "3", "5")).then_expect_error(refused);
    }
    periods()
        .given(given())
        .when(close("2026-10-01", 9, "3", "5"))
        .then_expect_events(vec![closed("2026-10-01", 9, ["3", "0", "2", "5"])]);
}

#[test]
fn c2_what_was_recorded_after_closing_stands_as_late_in_the_next_period() {
    periods()
        .given(vec![closed("2026-09", 7, ["1", "0", "2", "3"])])
        .when(close("2026-10", 12, "3.5", "6"))
        .then_expect_events(vec![closed("2026-10", 12, ["3", "0.5", "2.5", "6"])]);
}

#[test]
fn c1_books_that_were_read_before_the_period_was_over_close_nothing() {
    let read = |read_from: &str| {
        let PeriodCommand::Close(close) = close("2026-10", 7, "1", "3");
        PeriodCommand::Close(ClosePeriod { read_from: text(read_from), ..close })
    };
    let (period, to) = (text("2026-10"), text("2026-11-01T00:00:00Z"));
    periods()
        .given_no_previous_events()
        .when(read("2026-10-31T23:59:59.999999Z"))
        .then_expect_error(Refusal::PeriodNotOver { period, to });
    periods()
        .given_no_previous_events()
        .when(read("2026-11-01T00:00:00Z"))
        .then_expect_events(vec![closed("2026-10", 7, ["1", "0", "2", "3"])]);
}

#[test]
fn c2_an_account_that_emptied_keeps_its_line_once_more() {
    let command = PeriodCommand::Close(ClosePeriod {
        period: text("2026-10"),
        read_from: text("2026-11-20T12:00:00Z"),
        known_at: Position(12),
        root: text("c0ffee"),
        balances: Vec::new(),
    });
    periods()
        .given(vec![closed("2026-09", 7, ["1", "0", "2", "3"])])
        .when(command)
        .then_expect_events(vec![closed("2026-10", 12, ["3", "-3", "0", "0"])]);
}

#[test]
fn j5_a_sealed_balance_that_does_not_add_up_is_inconsistent() {
    for parts in [["1", "0", "2", "4"], ["1", "1", "2", "3"]] {
        assert!(Periods::default().apply(&closed("2026-09", 7, parts)).is_err());
    }
    let mut after = Periods::default();
    after.apply(&closed("2026-09", 7, ["1", "0", "2", "3"])).unwrap();
    assert!(after.apply(&closed("2026-10", 9, ["2", "1", "2", "5"])).is_err());
    assert!(after.apply(&closed("2026-11", 9, ["3", "0", "2", "5"])).is_err());
}

/// So many meters have moved by a credit each, before the period and in it, and `available` by all.
fn close_with_meters(period: &str, meters: usize) -> PeriodCommand {
    let booked = |account: String, moved: usize, sign: Decimal| BookedBalance {
        account: text(&account),
        before: sign * Decimal::from(moved),
        closing: sign * Decimal::from(2 * moved),
    };
    let consumed = |n| booked(format!("consumed/a_meter_with_a_name_{n:05}"), 1, Decimal::ONE);
    let available = booked("available".to_owned(), meters, -Decimal::ONE);
    PeriodCommand::Close(ClosePeriod {
        period: text(period),
        read_from: text("2026-11-20T12:00:00Z"),
        known_at: Position(7),
        root: text("c0ffee"),
        balances: (0..meters).map(consumed).chain([available]).collect(),
    })
}

fn decided(periods: &Periods, command: &PeriodCommand) -> Vec<PeriodEvent> {
    periods.decide(command, text("2026-11-20T12:00:00Z")).unwrap()
}

#[test]
fn c2_a_trial_balance_that_one_event_has_no_room_for_is_sealed_in_parts() {
    let mut periods = Periods::default();
    for (period, opening) in [("2026-09", 1), ("2026-10", 2)] {
        let events = decided(&periods, &close_with_meters(period, 5_000));
        let sealed: Vec<&SealedBalance> = events.iter().flat_map(PeriodEvent::balances).collect();
        assert_eq!(sealed.len(), 5_001);
        assert!(sealed.is_sorted_by(|one, next| one.account < next.account));
        assert_eq!(sealed[5_000].opening, Decimal::from(opening), "what the period before sealed");
        for event in &events {
            assert!(serde_json::to_string(event).unwrap().len() <= MOST_BYTES_IN_EVENT);
            periods.apply(event).unwrap();
        }
        let [parts @ .., last] = &events[..] else { panic!("no event") };
        let is_part = |event| matches!(event, &PeriodEvent::BalancesSealed(_));
        assert!(parts.len() >= 8 && parts.iter().all(is_part) && !is_part(last));
        assert_eq!(periods.unfinished(), None);
    }
}

#[test]
fn c2_a_trial_balance_that_fits_into_one_event_stands_in_one() {
    let events = |meters| decided(&Periods::default(), &close_with_meters("2026-09", meters));
    let most = (300..5_000).take_while(|meters| events(*meters).len() == 1).last().unwrap();
    let fullest = serde_json::to_string(&events(most)[0]).unwrap().len();
    assert!((MOST_BYTES_IN_EVENT - 150..=MOST_BYTES_IN_EVENT).contains(&fullest), "{fullest}");
    let [part, end] = &events(most + 1)[..] else { panic!("one more needs two events") };
    assert_eq!((part.balances().len(), end.balances().len()), (most + 1, 1));
}

#[test]
fn j5_parts_that_make_no_trial_balance_are_inconsistent() {
    let whole = closed("2026-09", 7, ["1", "0", "2", "3"]);
    let part = |period: &str, balances: &[SealedBalance]| {
        let balances = balances.to_vec();
        PeriodEvent::BalancesSealed(BalancesSealed { period: text(period), balances })
    };
    let end = |period: &str, balances: &[SealedBalance]| match closed(period, 7, ["0"; 4]) {
        PeriodEvent::PeriodClosed(closed) => {
            PeriodEvent::PeriodClosed(PeriodClosed { balances: balances.to_vec(), ..closed })
        }
        part => panic!("{part:?}"),
    };
    let both = whole.balances();
    let (first, second) = both.split_at(1);
    let fold = |events: &[PeriodEvent]| {
        let mut periods = Periods::default();
        events.iter().try_for_each(|event| periods.apply(event)).map(|()| periods)
    };
    let mut at_once = Periods::default();
    at_once.apply(&whole).unwrap();
    assert_eq!(fold(&[part("2026-09", first), end("2026-09", second)]), Ok(at_once.clone()));
    assert_eq!(fold(&[part("2026-09", both), end("2026-09", &[])]), Ok(at_once));
    let unfinished = fold(&[part("2026-09", first)]).unwrap();
    assert_eq!(unfinished.unfinished(), Some(text("2026-09")));
    for (events, why) in [
        ([part("2026-09", first), end("2026-10", second)], "before the end of 2026-09"),
        ([part("2026-09", first), part("2026-10", second)], "before the end of 2026-09"),
        ([part("2026-09", first), end("2026-09", both)], "is not in its place by name"),
        ([part("2026-09", second), end("2026-09", first)], "is not in its place by name"),
        ([part("2026-09", first), end("2026-09", &[])], "does not sum up to zero"),
        ([whole.clone(), part("2026-11", first)], "leaves a gap or overlaps"),
        ([whole.clone(), part("2026-10", first)], "opens otherwise"),
    ] {
        let found = fold(&events).unwrap_err().to_string();
        assert!(found.contains(why), "{found}");
    }
}
