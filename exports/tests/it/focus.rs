//! FOCUS: held to the specification's own lists of columns.

mod validator;

use jiff::civil::date;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::{Event, Position, Recorded};
use quipu_exports::{ExportError, Focus, FocusTerms, FocusVersion};

use crate::golden;
use validator::validated;

fn terms(version: FocusVersion) -> FocusTerms {
    FocusTerms {
        version,
        provider: "Example, Inc.".to_owned(),
        service: "Example Agents".to_owned(),
        currency: "USD".to_owned(),
        rate: "0.0125".parse().unwrap(),
        from: None,
        to: None,
    }
}

fn written(terms: FocusTerms, events: &[Recorded]) -> Focus {
    let mut focus = Focus::new(terms);
    for event in events {
        let of = |position: Position| events.iter().find(|event| event.position == position);
        let original = Focus::corrects(event).and_then(of);
        focus.event(event, original).unwrap();
    }
    focus
}

#[test]
fn every_row_conforms_to_the_version_it_is_written_for() {
    let columns_1_2 = include_str!("../../focus/columns-1.2.csv");
    let columns_1_4 = include_str!("../../focus/columns-1.4.csv");
    for (version, columns) in [(FocusVersion::V1_2, columns_1_2), (FocusVersion::V1_4, columns_1_4)]
    {
        let file = written(terms(version), &golden()).file().unwrap();
        let rows = validated(&file, columns);
        assert!(!rows.is_empty());
        insta::assert_snapshot!(format!("{version:?}"), file);
    }
}

/// A refund and a void are taken off the day, agent and model of what they correct.
#[test]
fn the_credits_are_what_the_consumed_and_refunded_accounts_hold() {
    use quipu_domain::postings::Account;
    let events = golden();
    let wallet = events.iter().filter_map(|event| quipu_projections::wallet_event(event).unwrap());
    let postings = wallet.flat_map(|(_, event)| quipu_projections::postings_of(event).unwrap());
    let charged = postings
        .filter(|posting| matches!(posting.account, Account::Consumed(_) | Account::Refunded));
    let charged: i128 = charged.map(|posting| i128::from(posting.amount.micros())).sum();
    assert_ne!(charged, 0);
    assert_eq!(written(terms(FocusVersion::V1_4), &events).micros(), charged);
}

#[test]
fn days_outside_are_left_out() {
    let all = written(terms(FocusVersion::V1_4), &golden());
    let day = date(2026, 11, 20);
    let before = FocusTerms { to: Some(day), ..terms(FocusVersion::V1_4) };
    let from = FocusTerms { from: Some(day), ..terms(FocusVersion::V1_4) };
    let (before, from) = (written(before, &golden()), written(from, &golden()));
    assert_eq!(before.rows() + from.rows(), all.rows());
    assert_eq!(before.micros() + from.micros(), all.micros());
}

/// U1: it counts from when it is recorded, and is reported by when it occurred, with its corrections.
#[test]
fn usage_that_is_dated_ahead_is_reported_on_the_day_on_which_it_occurred() {
    let all = written(terms(FocusVersion::V1_4), &golden());
    let mut events = golden();
    let day = date(2100, 1, 1);
    for event in &mut events {
        if let Event::Wallet(WalletEvent::UsageRecorded(recorded)) = &mut event.event {
            recorded.usage.occurred_at = "2100-01-01T00:00:00Z".parse().unwrap();
        }
    }
    let usage = |event: &&Recorded| match &event.event {
        Event::Wallet(WalletEvent::UsageRecorded(_)) => true,
        _ => Focus::corrects(event).is_some_and(|of| {
            let of = events.iter().find(|event| event.position == of).unwrap();
            matches!(of.event, Event::Wallet(WalletEvent::UsageRecorded(_)))
        }),
    };
    let usage: Vec<Recorded> = events.iter().filter(usage).cloned().collect();
    let voids = usage.iter().filter(|event| event.event.type_name() == "UsageVoided");
    assert!(voids.count() > 0, "corrections are among them");
    let ahead = FocusTerms { from: Some(day), ..terms(FocusVersion::V1_4) };
    let before = FocusTerms { to: Some(day), ..terms(FocusVersion::V1_4) };
    let charged = written(terms(FocusVersion::V1_4), &usage).micros();
    assert_eq!(written(ahead, &events).micros(), charged);
    assert_eq!(written(before, &events).micros(), all.micros() - charged);
}

#[test]
fn a_correction_of_nothing_is_named() {
    let events = golden();
    let refund = events.iter().find(|event| Focus::corrects(event).is_some()).unwrap();
    let mut focus = Focus::new(terms(FocusVersion::V1_4));
    let corrected = Focus::corrects(refund).unwrap();
    assert_eq!(focus.event(refund, None), Err(ExportError::NothingToCorrect { corrected }));
    assert!(focus.event(refund, events.first()).is_err());
}
