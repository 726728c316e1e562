//! C1, C2: periods tile time and are sealed with what the books say.

use cqrs_es::test::TestFramework;
use quipu_domain::period::{
    BookedBalance, ClosePeriod, PeriodClosed, PeriodCommand, PeriodEvent, PeriodName, Periods,
    SealedBalance,
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
fn c2_an_account_that_emptied_keeps_its_line_once_more() {
    let command = PeriodCommand::Close(ClosePeriod {
        period: text("2026-10"),
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
