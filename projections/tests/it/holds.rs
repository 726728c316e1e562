//! Which holds does a tenant have, and what became of each?

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{Draws, HoldExpired, HoldExtended, HoldReleased, HoldSettled};
use quipu_domain::{Credits, EntryId};
use quipu_projections::{Hold, HoldStatus, Holds};

use crate::support::{Story, by, credits, from_lots, text, time};

#[test]
fn a_hold_is_open_until_it_ends_once() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let hold = story.hold("2", from_lots(&[(grant, "2")]));
    let row = story.rows::<Hold>(&Holds).remove(0);
    assert_eq!((row.status, row.ended_at), (HoldStatus::Open, None));
    assert_eq!((row.amount, row.agent), (credits("2"), Some(text("writer"))));
    let expires_at = time("2026-11-20T13:00:00Z");
    story.wallet(WalletEvent::HoldExtended(HoldExtended { hold, expires_at }));
    assert_eq!(story.rows::<Hold>(&Holds)[0].expires_at, expires_at);
    story.wallet(WalletEvent::HoldReleased(HoldReleased {
        hold,
        amount: credits("2"),
        returned: from_lots(&[(grant, "2")]),
        reason: None,
    }));
    let row = story.rows::<Hold>(&Holds).remove(0);
    assert_eq!((row.status, row.charged), (HoldStatus::Released, Credits::ZERO));
    assert!(row.ended_at > Some(row.placed_at));
}

#[test]
fn a_late_settlement_of_an_expired_hold_is_a_settlement() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let hold = story.hold("2", from_lots(&[(grant, "2")]));
    let expired_at = time("2026-11-20T12:15:00Z");
    story.wallet(WalletEvent::HoldExpired(HoldExpired {
        hold,
        amount: credits("2"),
        returned: from_lots(&[(grant, "2")]),
        expired_at,
    }));
    assert_eq!(story.rows::<Hold>(&Holds)[0].status, HoldStatus::Expired);
    let entry = EntryId(story.next());
    story.wallet(WalletEvent::HoldSettled(HoldSettled {
        hold,
        entry,
        amount: credits("1"),
        from_hold: Draws::default(),
        from_available: from_lots(&[(grant, "1")]),
        returned: Draws::default(),
        shortfall: credits("0.5"),
        late: true,
        meter: None,
        attribution: by("writer"),
    }));
    let row = story.rows::<Hold>(&Holds).remove(0);
    assert_eq!(row.status, HoldStatus::Settled);
    assert_eq!((row.charged, row.shortfall), (credits("1"), credits("0.5")));
}
