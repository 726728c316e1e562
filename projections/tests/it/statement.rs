//! A tenant's statement.

use quipu_domain::Credits;
use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{OverdraftLimitSet, Rating};
use quipu_projections::{Activity, ActivityChunk, Entry};

use crate::support::{Story, credits, from_lots, text};
use crate::usage::recorded;

/// All lines, from the first chunk's opening balances on.
fn lines(story: &Story) -> Vec<Entry> {
    let chunks = story.rows::<ActivityChunk>(&Activity);
    let mut statement = chunks[0].statement();
    let line = |event| statement.line(event).unwrap();
    story.events.iter().filter_map(line).collect()
}

#[test]
fn each_line_has_what_moved_and_what_was_left() {
    let mut story = Story::new();
    let grant = story.grant("10");
    story.debit("4", from_lots(&[(grant, "4")]));
    story.hold("5", from_lots(&[(grant, "5")]));
    let lines: Vec<String> = lines(&story)
        .iter()
        .map(|line| {
            format!(
                "{} {}: {} -> {}, held {}",
                line.position,
                line.event_type,
                line.available_delta,
                line.after.available,
                line.after.held
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "2 CreditsGranted: 10 -> 10000000, held 0",
            "3 CreditsDebited: -4 -> 6000000, held 0",
            "4 HoldPlaced: -5 -> 1000000, held 5000000",
        ]
    );
}

#[test]
fn a_line_tells_who_why_and_from_which_lots() {
    let mut story = Story::new();
    let grant = story.grant("10");
    story.debit("4", from_lots(&[(grant, "4")]));
    let rows = lines(&story);
    let [granted, debited] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(granted.reference.as_deref(), Some("grant_2"));
    assert_eq!(granted.source, Some(text("order 7")));
    assert_eq!(debited.draws.as_deref(), Some(r#"{"lots":[{"grant":"grant_2","amount":"4"}]}"#));
    assert_eq!((&debited.actor, &debited.command), (&text("ann"), &Some(text("key"))));
    assert_eq!((&debited.agent, &debited.reason), (&Some(text("writer")), &Some(text("work"))));
    assert_eq!((debited.amount, &debited.meter), (credits("4"), &Some(text("calls"))));
}

#[test]
fn what_moves_nothing_is_no_line_except_usage() {
    let mut story = Story::new();
    let limit = credits("5");
    story.wallet(WalletEvent::OverdraftLimitSet(OverdraftLimitSet { limit, reason: None }));
    let why = Rating::Unpriced { why: text("no price yet") };
    story.wallet(WalletEvent::UsageRecorded(recorded(&story, "3", why)));
    let rows = lines(&story);
    let [usage] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((usage.available_delta, usage.price.as_ref()), (Credits::ZERO, None));
    assert_eq!(usage.reason, Some(text("no price yet")));
    assert_eq!((&usage.source, &usage.source_id), (&Some(text("probe")), &Some(text("u-1"))));
}
