//! J5: an event that does not fit the state before it is reported, never folded.

use quipu_domain::wallet::event::{
    CreditsDebited, CreditsExpired, CreditsGranted, Draw, Draws, HoldExpired, HoldReleased,
    HoldSettled, OverdraftRepaid, WalletUnfrozen,
};
use quipu_domain::wallet::{Wallet, WalletEvent};
use quipu_domain::{EntryId, GrantId, HoldId, Position};

use crate::support::{Book, after, credits, expiring, grant, hold, limit, scoped, text};

/// Lot 1 has 10 and expires, lot 2 has 5 for calls, hold 3 reserves 4 of lot 1.
fn wallet() -> Wallet {
    let mut book = Book::new();
    book.run(expiring("10", 86_400)).unwrap();
    book.run(scoped("5", "calls")).unwrap();
    book.run(hold("4")).unwrap();
    book.run(limit("5")).unwrap();
    book.wallet
}

fn draws(lots: &[(u64, &str)]) -> Draws {
    let draw = |(grant, amount): &(u64, &str)| Draw {
        grant: GrantId(Position(*grant)),
        amount: credits(amount),
    };
    Draws { lots: lots.iter().map(draw).collect(), overdraft: credits("0") }
}

fn debited(amount: &str, lots: &[(u64, &str)]) -> WalletEvent {
    WalletEvent::CreditsDebited(CreditsDebited {
        entry: EntryId(Position(5)),
        amount: credits(amount),
        draws: draws(lots),
        meter: None,
        attribution: Default::default(),
        reason: None,
    })
}

fn settled(from_hold: &[(u64, &str)], returned: &[(u64, &str)], late: bool) -> WalletEvent {
    let from_hold = draws(from_hold);
    WalletEvent::HoldSettled(HoldSettled {
        hold: HoldId(Position(3)),
        entry: EntryId(Position(5)),
        amount: from_hold.total(),
        from_hold,
        from_available: Draws::default(),
        returned: draws(returned),
        shortfall: credits("0"),
        late,
        meter: None,
        attribution: Default::default(),
    })
}

#[test]
fn j5_an_event_that_does_not_fit_is_reported() {
    let mut book = Book::new();
    book.run(grant("1")).unwrap();
    let WalletEvent::CreditsGranted(granted) = book.events[0].clone() else { panic!() };
    let expired = |amount: &str, at| {
        WalletEvent::CreditsExpired(CreditsExpired {
            grant: GrantId(Position(1)),
            amount: credits(amount),
            expired_at: after(at),
        })
    };
    let released = |hold, lots| {
        let (hold, returned) = (HoldId(Position(hold)), draws(lots));
        let amount = returned.total();
        WalletEvent::HoldReleased(HoldReleased { hold, amount, returned, reason: None })
    };
    let grown = CreditsGranted {
        grant: GrantId(Position(9)),
        amount: credits("999999999999"),
        ..granted.clone()
    };
    let repaid = OverdraftRepaid { amount: credits("1"), lots: draws(&[(2, "1")]).lots };
    let ran_out = HoldExpired {
        hold: HoldId(Position(3)),
        amount: credits("4"),
        returned: draws(&[(1, "4")]),
        expired_at: after(899),
    };
    for (what, event) in [
        ("a lot is made twice", WalletEvent::CreditsGranted(granted)),
        ("M3: more than the limit", WalletEvent::CreditsGranted(grown)),
        ("more than is free", debited("7", &[(1, "7")])),
        ("a lot that is not there", debited("1", &[(7, "1")])),
        ("parts that do not add up", debited("2", &[(1, "1")])),
        ("a part below zero", debited("0", &[(1, "-1"), (2, "1")])),
        ("not all that is free expires", expired("5", 86_400)),
        ("another expiry", expired("6", 60)),
        ("a hold that is not open", released(9, &[(1, "4")])),
        ("not all that is held", released(3, &[(1, "3")])),
        ("W7: settled in part", settled(&[(1, "1")], &[(1, "2")], false)),
        ("W7: settled from another lot", settled(&[(2, "4")], &[], false)),
        ("W9: late, and still open", settled(&[], &[], true)),
        ("a hold that expires at another time", WalletEvent::HoldExpired(ran_out)),
        ("W5: a lot with a scope repays", WalletEvent::OverdraftRepaid(repaid)),
        ("not frozen", WalletEvent::WalletUnfrozen(WalletUnfrozen { reason: text("why") })),
    ] {
        assert!(wallet().apply(&event).is_err(), "{what}");
    }
    wallet().apply(&debited("7", &[(1, "6"), (2, "1")])).unwrap();
    wallet().apply(&settled(&[(1, "1")], &[(1, "3")], false)).unwrap();
}
