//! What can a tenant spend, what is held, what does it owe, and from which lots?

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{
    CreditsExpired, CreditsRefunded, Draws, GrantVoided, HoldReleased, HoldSettled, LotReturn,
    Origin, OverdraftLimitSet, OverdraftRepaid, Returns, WalletFrozen, WalletUnfrozen,
};
use quipu_domain::{Credits, EntryId, GrantId, HoldId};
use quipu_projections::{Balance, Balances, Lot};

use crate::support::{Story, by, credits, from_lots, from_overdraft, terms, text, time};

fn book(story: &Story) -> String {
    let rows = story.rows::<Balance>(&Balances);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    format!("{} held {} overdraft {}", row.available, row.held, row.overdraft)
}

fn lots(story: &Story) -> Vec<String> {
    let tell = |lot: &Lot| {
        let flags = [(lot.is_open, "open"), (lot.is_voided, "voided")];
        let flags = flags.iter().filter(|(is, _)| *is).map(|(_, name)| format!(" {name}"));
        let numbers = format!("{} {} held {}", lot.grant_position, lot.remaining, lot.held);
        let ends = format!(" expired {} voided {}", lot.expired, lot.voided);
        numbers + &ends + &flags.collect::<String>()
    };
    story.rows::<Lot>(&Balances).iter().map(tell).collect()
}

fn settled(hold: HoldId, entry: EntryId, amount: &str) -> HoldSettled {
    HoldSettled {
        hold,
        entry,
        amount: credits(amount),
        from_hold: Draws::default(),
        from_available: Draws::default(),
        returned: Draws::default(),
        shortfall: Credits::ZERO,
        late: false,
        meter: None,
        attribution: by("writer"),
    }
}

#[test]
fn a_grant_makes_an_open_lot_and_a_debit_takes_from_it() {
    let mut story = Story::new();
    let grant = story.grant("10");
    story.debit("4", from_lots(&[(grant, "4")]));
    assert_eq!(book(&story), "6 held 0 overdraft 0");
    assert_eq!(lots(&story), ["grant_2 6 held 0 expired 0 voided 0 open"]);
    let lot = story.rows::<Lot>(&Balances).remove(0);
    assert_eq!((lot.amount, lot.source), (credits("10"), Some(text("order 7"))));
    assert_eq!(lot.unit_cost.as_deref(), Some("0.01"));
}

#[test]
fn a_lot_that_is_used_up_stays_and_is_not_open() {
    let mut story = Story::new();
    let grant = story.grant("10");
    story.debit("12", Draws { overdraft: credits("2"), ..from_lots(&[(grant, "10")]) });
    assert_eq!(book(&story), "0 held 0 overdraft -2");
    assert_eq!(lots(&story), ["grant_2 0 held 0 expired 0 voided 0"]);
}

#[test]
fn a_hold_pins_its_lots_and_a_settlement_returns_the_rest() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let hold = story.hold("6", from_lots(&[(grant, "6")]));
    assert_eq!(book(&story), "4 held 6 overdraft 0");
    assert_eq!(lots(&story), ["grant_2 4 held 6 expired 0 voided 0 open"]);
    let entry = EntryId(story.next());
    story.wallet(WalletEvent::HoldSettled(HoldSettled {
        from_hold: from_lots(&[(grant, "5")]),
        returned: from_lots(&[(grant, "1")]),
        ..settled(hold, entry, "5")
    }));
    assert_eq!(book(&story), "5 held 0 overdraft 0");
    assert_eq!(lots(&story), ["grant_2 5 held 0 expired 0 voided 0 open"]);
}

#[test]
fn a_settlement_above_its_hold_draws_what_is_available() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let hold = story.hold("6", from_lots(&[(grant, "6")]));
    let entry = EntryId(story.next());
    story.wallet(WalletEvent::HoldSettled(HoldSettled {
        from_hold: from_lots(&[(grant, "6")]),
        from_available: Draws { overdraft: credits("1"), ..from_lots(&[(grant, "4")]) },
        ..settled(hold, entry, "11")
    }));
    assert_eq!(book(&story), "0 held 0 overdraft -1");
    assert_eq!(lots(&story), ["grant_2 0 held 0 expired 0 voided 0"]);
}

#[test]
fn what_a_release_returns_to_a_voided_lot_is_voided_next() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let hold = story.hold("6", from_lots(&[(grant, "6")]));
    let void = |amount| GrantVoided {
        grant,
        amount: credits(amount),
        origin: Origin::Purchase,
        reason: text("a mistake"),
    };
    story.wallet(WalletEvent::GrantVoided(void("4")));
    assert_eq!(lots(&story), ["grant_2 0 held 6 expired 0 voided 4 open voided"]);
    story.wallet(WalletEvent::HoldReleased(HoldReleased {
        hold,
        amount: credits("6"),
        returned: from_lots(&[(grant, "6")]),
        reason: None,
    }));
    story.wallet(WalletEvent::GrantVoided(void("6")));
    assert_eq!(book(&story), "0 held 0 overdraft 0");
    assert_eq!(lots(&story), ["grant_2 0 held 0 expired 0 voided 10 voided"]);
}

#[test]
fn expiry_takes_what_is_left() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let expired_at = time("2026-11-20T12:00:01Z");
    story.wallet(WalletEvent::CreditsExpired(CreditsExpired {
        grant,
        amount: credits("10"),
        expired_at,
    }));
    assert_eq!(book(&story), "0 held 0 overdraft 0");
    assert_eq!(lots(&story), ["grant_2 0 held 0 expired 10 voided 0"]);
}

#[test]
fn a_refund_goes_back_to_the_lot_or_into_a_new_one() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let of = story.debit("10", from_lots(&[(grant, "10")]));
    let entry = EntryId(story.next());
    let back = |grant, amount| LotReturn { grant, amount: credits(amount), terms: terms() };
    story.wallet(WalletEvent::CreditsRefunded(CreditsRefunded {
        entry,
        of,
        amount: credits("7"),
        returns: Returns {
            lots: vec![back(grant, "3")],
            overdraft: Credits::ZERO,
            new_lot: Some(back(GrantId(entry.position()), "4")),
        },
        reason: None,
    }));
    assert_eq!(book(&story), "7 held 0 overdraft 0");
    assert_eq!(
        lots(&story),
        ["grant_2 3 held 0 expired 0 voided 0 open", "grant_4 4 held 0 expired 0 voided 0 open"]
    );
}

#[test]
fn overdraft_is_repaid_from_lots() {
    let mut story = Story::new();
    story.debit("3", from_overdraft("3"));
    let grant = story.grant("10");
    story.wallet(WalletEvent::OverdraftRepaid(OverdraftRepaid {
        amount: credits("3"),
        lots: from_lots(&[(grant, "3")]).lots,
    }));
    assert_eq!(book(&story), "7 held 0 overdraft 0");
}

#[test]
fn a_freeze_and_a_limit_are_on_the_balance() {
    let mut story = Story::new();
    let limit = credits("5");
    story.wallet(WalletEvent::OverdraftLimitSet(OverdraftLimitSet { limit, reason: None }));
    story.wallet(WalletEvent::WalletFrozen(WalletFrozen { reason: text("odd") }));
    let row = story.rows::<Balance>(&Balances).remove(0);
    assert_eq!((row.overdraft_limit, row.frozen), (limit, true));
    assert_eq!(row.frozen_reason, Some(text("odd")));
    story.wallet(WalletEvent::WalletUnfrozen(WalletUnfrozen { reason: text("fine") }));
    let row = story.rows::<Balance>(&Balances).remove(0);
    assert_eq!((row.frozen, row.frozen_reason), (false, None));
}

#[test]
fn meters_of_a_scope_are_read_back() {
    let mut story = Story::new();
    let grant = GrantId(story.next());
    let mut granted = terms();
    granted.scope = vec![text("calls"), text("images")];
    story.wallet(WalletEvent::CreditsGranted(quipu_domain::wallet::event::CreditsGranted {
        grant,
        amount: credits("1"),
        terms: granted.clone(),
        unit_cost: None,
        source: None,
    }));
    assert_eq!(story.rows::<Lot>(&Balances)[0].scope_meters(), granted.scope);
}
