//! Which periods were closed, and with which balances?

use quipu_domain::period::{BalancesSealed, PeriodClosed, PeriodEvent, PeriodName, SealedBalance};
use quipu_domain::{Event, Position, Stream};
use quipu_projections::{ClosedPeriod, ClosingPeriod, Periods};

use crate::support::{Story, text};

fn balances(accounts: &[&str]) -> Vec<SealedBalance> {
    let balance = |account: &&str| SealedBalance {
        account: text(account),
        opening: 0.into(),
        late: 0.into(),
        movement: 1.into(),
        closing: 1.into(),
    };
    accounts.iter().map(balance).collect()
}

fn part(period: &str, accounts: &[&str]) -> PeriodEvent {
    let balances = balances(accounts);
    PeriodEvent::BalancesSealed(BalancesSealed { period: text(period), balances })
}

fn end(period: &str, accounts: &[&str]) -> PeriodEvent {
    let period: PeriodName = text(period);
    PeriodEvent::PeriodClosed(PeriodClosed {
        period,
        from: period.begins_at(),
        to: period.ends_at(),
        known_at: Position(0),
        root: text("c0ffee"),
        balances: balances(accounts),
    })
}

fn story(events: Vec<PeriodEvent>) -> Story {
    let mut story = Story::default();
    for event in events {
        story.record(Stream::periods(), None, Event::Period(event));
    }
    story
}

#[test]
fn c2_a_period_sealed_in_parts_has_all_its_balances_in_one_row() {
    let story = story(vec![
        end("2026-08", &["available"]),
        part("2026-09", &["available", "consumed/a"]),
        part("2026-09", &["consumed/b"]),
        end("2026-09", &["held"]),
        part("2026-10", &["available"]),
        end("2026-10", &[]),
    ]);
    let closed = story.rows::<ClosedPeriod>(&Periods);
    let found: Vec<(u64, Vec<String>)> = closed
        .iter()
        .map(|row| {
            let balances: Vec<SealedBalance> = serde_json::from_str(&row.balances).unwrap();
            let accounts = balances.iter().map(|balance| balance.account.to_string());
            (row.position.0, accounts.collect())
        })
        .collect();
    let expected: [(u64, &[&str]); 3] = [
        (1, &["available"]),
        (4, &["available", "consumed/a", "consumed/b", "held"]),
        (6, &["available"]),
    ];
    let expected = expected
        .map(|(position, accounts)| (position, accounts.iter().map(ToString::to_string).collect()));
    assert_eq!(found, expected);
    assert_eq!(story.rows::<ClosingPeriod>(&Periods), []);
}

#[test]
fn c2_a_period_is_not_closed_before_its_end() {
    let story = story(vec![part("2026-09", &["available"])]);
    assert_eq!(story.rows::<ClosedPeriod>(&Periods), []);
    assert_eq!(story.rows::<ClosingPeriod>(&Periods).len(), 1);
}
