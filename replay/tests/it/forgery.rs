//! Events that nobody decided, hashed as if somebody had.

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Attribution, CreditsDebited, CreditsExpired, Draw, Draws};
use quipu_domain::{Credits, EntryId, GrantId, Position, Version};

use crate::book::{Bookkeeper, bookkeeper, finding, rows};

fn found(change: impl FnOnce(&mut Bookkeeper)) -> (u64, String) {
    let mut book = bookkeeper();
    change(&mut book);
    finding(rows(&book.events))
}

fn debit(amount: &str, drawn: &str) -> WalletEvent {
    let lots = vec![Draw { grant: GrantId(Position(2)), amount: drawn.parse().unwrap() }];
    WalletEvent::CreditsDebited(CreditsDebited {
        entry: EntryId(Position(7)),
        amount: amount.parse().unwrap(),
        draws: Draws { lots, overdraft: Credits::ZERO },
        meter: None,
        attribution: Attribution::default(),
        reason: None,
    })
}

#[test]
fn more_than_a_lot_has_cannot_have_been_drawn() {
    let (position, what) = found(|book| book.forged(debit("1000", "1000")));
    assert_eq!(position, 7, "{what}");
}

#[test]
fn postings_that_do_not_sum_to_zero_are_found() {
    let (position, what) = found(|book| book.forged(debit("1", "2")));
    assert_eq!(position, 7, "{what}");
}

#[test]
fn an_amount_beyond_all_limits_does_not_end_the_verifier() {
    let most = Credits::from_micros(1_000_000_000_000_000_000).unwrap();
    let lots = vec![Draw { grant: GrantId(Position(2)), amount: most }; 20];
    let WalletEvent::CreditsDebited(mut forged) = debit("1", "1") else { unreachable!() };
    forged.draws.lots = lots;
    let (position, what) = found(|book| book.forged(WalletEvent::CreditsDebited(forged)));
    assert_eq!(position, 7, "{what}");
}

#[test]
fn an_unknown_lot_cannot_expire() {
    let expired = WalletEvent::CreditsExpired(CreditsExpired {
        grant: GrantId(Position(99)),
        amount: "1".parse().unwrap(),
        expired_at: "2026-11-20T12:00:00Z".parse().unwrap(),
    });
    assert_eq!(found(|book| book.forged(expired)).0, 7);
}

#[test]
fn a_gap_in_a_streams_versions_is_found() {
    let (position, what) = found(|book| book.events[4].version = Version(9));
    assert_eq!(position, 5, "{what}");
    assert!(what.contains("version 9 of wallet/t_acme"), "{what}");
}

#[test]
fn an_event_of_another_tenant_than_its_stream_is_found() {
    let (position, what) = found(|book| book.events[4].tenant = Some("t_bob".parse().unwrap()));
    assert_eq!(
        (position, what.as_str()),
        (5, "it is an event of t_bob, and stands in wallet/t_acme")
    );
    let (position, what) = found(|book| book.events[4].tenant = None);
    assert_eq!(position, 5, "{what}");
}

#[test]
fn time_that_runs_backwards_is_found() {
    let earlier = "2020-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(found(|book| book.events[3].recorded_at = earlier).0, 4);
}

#[test]
fn an_event_id_that_comes_twice_is_found() {
    assert_eq!(found(|book| book.events[3].id = book.events[1].id).0, 4);
}

#[test]
fn a_key_that_was_bound_to_two_requests_is_found() {
    let (position, what) = found(|book| {
        book.events[3].metadata.command = book.events[1].metadata.command.clone();
        book.events[3].metadata.fingerprint = Some("another".parse().unwrap());
    });
    assert_eq!(position, 4, "{what}");
}

/// J4: with the same request, too: a command that was done is answered, not done again.
#[test]
fn a_command_that_took_effect_twice_is_found() {
    let (position, what) = found(|book| {
        book.events[3].metadata.command = book.events[1].metadata.command.clone();
        book.events[3].metadata.fingerprint = book.events[1].metadata.fingerprint.clone();
    });
    assert_eq!(position, 4, "{what}");
    assert!(what.contains("took effect twice"), "{what}");
}
