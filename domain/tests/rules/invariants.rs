//! Any sequence of commands, many of them invalid, keeps every invariant. The book
//! itself checks after each event that the accounts and the state agree.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quipu_domain::meter::{Aggregation, Price, Tier, UnpricedPolicy};
use quipu_domain::wallet::command::{Debit, Grant, PlaceHold};
use quipu_domain::wallet::event::{Draws, GrantKind, Origin, Overage};
use quipu_domain::wallet::{Dated, Wallet, WalletCommand, WalletEvent};
use quipu_domain::{Credits, EntryId, GrantId, HoldId, Moment, Position};

use crate::as_of;
use crate::paid::check_paid;
use crate::support::{
    Book, after, credits, debit, expiring, grant, hold, limit, rate_usage, some_debit, some_grant,
    some_hold, some_usage, text,
};

const METERS: [&str; 6] = ["flat", "tiers", "falling", "latest", "people", "undefined"];

/// What happens next; numbers are made into commands against the book as it then stands.
#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    /// The state is written as a snapshot and read back.
    Restart,
    /// A meter gets another price for all that occurred so far.
    Reprice(usize, i64),
    Command {
        kind: u8,
        amount: i64,
        which: usize,
        meter: usize,
        choice: u8,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let amount = prop_oneof![
        14 => 1_i64..9_000_000,
        4 => 9_000_000_i64..200_000_000,
        1 => -1_000_000_i64..1,
    ];
    let command = (0_u8..24, amount, any::<usize>(), 0..METERS.len(), any::<u8>()).prop_map(
        |(kind, amount, which, meter, choice)| Step::Command { kind, amount, which, meter, choice },
    );
    let step = prop_oneof![
        12 => command,
        2 => (1_i64..1_500).prop_map(Step::Pass),
        1 => Just(Step::Restart),
        1 => (0..METERS.len() - 1, 0_i64..4).prop_map(|(meter, price)| Step::Reprice(meter, price)),
    ];
    prop::collection::vec(step, 1..70)
}

fn market() -> Book {
    let mut book = Book::new();
    book.meter("flat", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
    book.meter("tiers", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
    book.meter("falling", Aggregation::Count, UnpricedPolicy::Refuse);
    book.meter("latest", Aggregation::Latest, UnpricedPolicy::Refuse);
    let unit_price = text("0.5");
    book.meter("people", Aggregation::UniqueCount, UnpricedPolicy::DefaultPrice { unit_price });
    book.price("falling", after(-3_600), price(2, 3));
    book.price("latest", after(-3_600), price(3, 1));
    book.run(expiring("100", 3_000)).unwrap();
    for command in [hold("9"), hold("3"), hold("5"), debit("2"), grant("5"), limit("4")] {
        book.run(command).unwrap();
    }
    book
}

fn price(meter: usize, price: i64) -> Price {
    let tier = |up_to: Option<i64>, unit_price: i64| Tier {
        up_to: up_to.map(Into::into),
        unit_price: unit_price.into(),
        flat_price: 0.into(),
    };
    match METERS[meter] {
        "tiers" => Price::Graduated { tiers: vec![tier(Some(3), price), tier(None, 1)] },
        "falling" => Price::Volume { tiers: vec![tier(Some(3), price), tier(None, 0)] },
        _ => Price::Flat { unit_price: price.into() },
    }
}

/// A position of an event that is wanted, or of any other.
fn position(book: &Book, which: usize, wanted: fn(&WalletEvent) -> bool) -> Position {
    let positions = 1..=book.events.len() as u64 + 1;
    let fits = |(event, position)| wanted(event).then_some(position);
    let fitting: Vec<u64> = book.events.iter().zip(positions.clone()).filter_map(fits).collect();
    let any = if which % 10 < 2 || fitting.is_empty() { positions.collect() } else { fitting };
    Position(any[which % any.len()])
}

fn command(
    book: &Book,
    kind: u8,
    micros: i64,
    which: usize,
    meter: usize,
    choice: u8,
) -> WalletCommand {
    let amount = Credits::from_micros(micros).unwrap();
    let named = (choice.is_multiple_of(4)).then(|| text(METERS[meter]));
    let reason = || text("because");
    let hold = || HoldId(position(book, which, |e| matches!(e, WalletEvent::HoldPlaced(_))));
    let line = |e: &WalletEvent| {
        matches!(
            e,
            WalletEvent::CreditsDebited(_)
                | WalletEvent::HoldSettled(_)
                | WalletEvent::UsageRecorded(_)
        )
    };
    let entry = || EntryId(position(book, which, line));
    let record = || EntryId(position(book, which, |e| matches!(e, WalletEvent::UsageRecorded(_))));
    match kind {
        0..4 => WalletCommand::Grant(Grant {
            amount,
            kind: if choice & 2 == 0 { GrantKind::Paid } else { GrantKind::Promotional },
            priority: choice % 102,
            effective_at: (choice & 4 == 0)
                .then(|| book.now.plus_seconds((which % 900) as i64 - 300)),
            expires_at: (choice & 8 == 0)
                .then(|| book.now.plus_seconds(600 + (which % 2_000) as i64)),
            scope: named.into_iter().collect(),
            origin: Origin::Plan,
            ..some_grant("1")
        }),
        4 => WalletCommand::VoidGrant {
            grant: GrantId(position(book, which, |e| matches!(e, WalletEvent::CreditsGranted(_)))),
            reason: reason(),
        },
        5..8 => WalletCommand::Debit(Debit { amount, meter: named, ..some_debit("1") }),
        8..11 => WalletCommand::PlaceHold(PlaceHold {
            amount,
            meter: named,
            overage: [Overage::Overflow, Overage::Cap, Overage::Reject][which % 3],
            ttl_seconds: (choice & 2 == 0).then_some(i64::from(choice) * 10),
            ..some_hold("1")
        }),
        11 => WalletCommand::ExtendHold {
            hold: hold(),
            ttl_seconds: Some(i64::from(choice) * 10 + 1),
        },
        12..15 => WalletCommand::SettleHold { hold: hold(), amount },
        15 => WalletCommand::ReleaseHold { hold: hold(), reason: None },
        16..18 => WalletCommand::Refund {
            entry: entry(),
            amount: (choice & 2 == 0).then_some(amount),
            expires_at: (choice & 4 == 0).then(|| book.now.plus_seconds(500)),
            reason: None,
        },
        18 if choice < 180 => WalletCommand::SetOverdraftLimit { limit: amount, reason: None },
        18 if choice < 195 => WalletCommand::Freeze { reason: reason() },
        18 => WalletCommand::Unfreeze { reason: reason() },
        19..22 => {
            let mut usage = some_usage(METERS[meter], &(choice % 7).to_string());
            usage.value = (METERS[meter] == "people").then(|| text(&(choice % 5).to_string()));
            usage.occurred_at = book.now.plus_seconds(300 - 3 * i64::from(choice));
            WalletCommand::RecordUsage(usage)
        }
        22 => WalletCommand::VoidUsage { entry: record(), reason: reason() },
        _ => rate_usage(record().position().0),
    }
}

/// W4, W5: no new work draws overdraft beyond the limit.
fn check_limit(book: &Book, events: &[Dated]) {
    let none = Draws::default();
    for dated in events {
        let draws = match &dated.event {
            WalletEvent::CreditsDebited(e) => &e.draws,
            WalletEvent::HoldPlaced(e) => &e.draws,
            WalletEvent::UsageRecorded(e) => &e.draws,
            _ => &none,
        };
        let balance = book.wallet.balance(book.now);
        assert!(draws.overdraft.is_zero() || balance.overdraft <= balance.overdraft_limit);
    }
}

/// W10: no line gives back more than it took.
fn check_refunds(events: &[WalletEvent]) {
    let mut taken: BTreeMap<EntryId, i64> = BTreeMap::new();
    for event in events {
        let (entry, amount) = match event {
            WalletEvent::CreditsDebited(e) => (e.entry, e.amount.micros()),
            WalletEvent::HoldSettled(e) => (e.entry, e.amount.micros()),
            WalletEvent::UsageRecorded(e) => (e.entry, e.draws.total().micros()),
            WalletEvent::CreditsRefunded(e) => (e.of, -e.amount.micros()),
            WalletEvent::UsageVoided(e) => (e.of, -e.amount.micros()),
            WalletEvent::UsageRated(e) => {
                (e.of, e.draws.total().micros() - e.returns.total().micros())
            }
            _ => continue,
        };
        let left = taken.entry(entry).or_default();
        *left += amount;
        assert!(*left >= 0, "{entry} gave back more than it took");
    }
}

/// W12: whether what falls due is recorded on time or all at once makes no difference.
fn check_due(book: &Book, seconds: i64) {
    let until = Moment { now: book.now.plus_seconds(seconds), ..book.moment() };
    let mut wallet = book.wallet.clone();
    let mut on_time = Vec::new();
    while let Some(now) = wallet.next_due_at().filter(|at| *at <= until.now) {
        let due = wallet.due(&Moment { now, ..until });
        assert!(due.iter().all(|dated| dated.effective_at == now), "{due:?}");
        due.iter().for_each(|dated| wallet.apply(&dated.event).unwrap());
        on_time.extend(due);
    }
    assert_eq!(book.wallet.due(&until), on_time);
}

/// W3: exactly what can be spent can be spent.
fn check_spendable(book: &Book) {
    let spendable = book.wallet.spendable(None, book.now);
    if book.wallet.balance(book.now).frozen {
        return;
    }
    if spendable.is_positive() {
        book.decide(&debit(&spendable.to_string())).unwrap();
    }
    let more = spendable.plus(credits("0.000001")).unwrap().to_string();
    assert_eq!(book.decide(&debit(&more)).unwrap_err().code(), "insufficient_credits");
}

fn restarted(wallet: &Wallet) -> Wallet {
    let snapshot = serde_json::to_string(wallet).unwrap();
    let read: Wallet = serde_json::from_str(&snapshot).unwrap();
    assert_eq!(read, *wallet);
    assert_eq!(serde_json::to_string(&read).unwrap(), snapshot);
    read
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_sequence_of_commands_keeps_the_books(steps in steps()) {
        let mut book = market();
        for step in steps {
            match step {
                Step::Pass(seconds) => {
                    check_due(&book, seconds);
                    book.pass(seconds);
                }
                Step::Restart => book.wallet = restarted(&book.wallet),
                Step::Reprice(meter, to) => {
                    book.price(METERS[meter], after(-3_600), price(meter, to));
                }
                Step::Command { kind, amount, which, meter, choice } => {
                    let command = command(&book, kind, amount, which, meter, choice);
                    let unannounced = book.decide(&command);
                    let due = book.wallet.due(&book.moment());
                    let decided = book.run(command);
                    // Whether the scheduler or the command comes first makes no difference.
                    let joined = decided.clone().map(|events| [due, events].concat());
                    prop_assert_eq!(unannounced, joined);
                    match decided {
                        Ok(events) => check_limit(&book, &events),
                        Err(refusal) => prop_assert_ne!(refusal.code(), "amount_out_of_range"),
                    }
                    check_spendable(&book);
                }
            }
        }
        check_refunds(&book.events);
        check_paid(&book.events);
        as_of::check(&book);
        let mut folded = Wallet::default();
        for event in &book.events {
            let stored = serde_json::to_string(event).unwrap();
            folded.apply(&serde_json::from_str(&stored).unwrap()).unwrap();
        }
        prop_assert_eq!(&folded, &book.wallet);
        restarted(&folded);
    }
}
