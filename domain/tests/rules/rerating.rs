//! U2, U4: records of a running total that are rated again, one after the other.

use proptest::prelude::*;
use quipu_domain::meter::{Aggregation, Price, Tier, UnpricedPolicy};
use quipu_domain::wallet::event::{Rating, Tally, UsageRated, UsageRecorded};
use quipu_domain::wallet::{Dated, Wallet, WalletEvent};
use quipu_domain::{Credits, EntryId, Event, Position};

use crate::support::{Book, after, credits, grant, rate_usage, refund, text, usage, void_usage};

/// All units at the first price up to ten of them, at the other one beyond.
pub(crate) fn volume(first: i64, beyond: i64) -> Price {
    let tier = |up_to: Option<&str>, tenths| Tier {
        up_to: up_to.map(text),
        unit_price: rust_decimal::Decimal::new(tenths, 1),
        flat_price: text("0"),
    };
    Price::Volume { tiers: vec![tier(Some("10"), first), tier(None, beyond)] }
}

/// A thousand credits, and these quantities used at 1, or at 0.5 beyond ten: `entry_2` and on.
fn used(quantities: &[&str]) -> Book {
    let mut book = Book::new();
    book.meter("m", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
    book.price("m", after(-60), volume(10, 5));
    book.run(grant("1000")).unwrap();
    quantities.iter().for_each(|quantity| drop(book.run(usage("m", quantity)).unwrap()));
    book
}

/// The same, each unit at the price of its own tier.
pub(crate) fn graduated(first: i64, beyond: i64) -> Price {
    let Price::Volume { tiers } = volume(first, beyond) else { panic!("it has tiers") };
    Price::Graduated { tiers }
}

/// Of a running total or, in a third of all cases, record by record.
pub(crate) fn price() -> impl Strategy<Value = Price> {
    let flat = |tenths| Price::Flat { unit_price: rust_decimal::Decimal::new(tenths, 1) };
    let package = |(size, price): (i64, i64)| Price::Package {
        size: size.into(),
        package_price: price.into(),
    };
    prop_oneof![
        2 => (0_i64..30, 0_i64..30).prop_map(|(first, beyond)| volume(first, beyond)),
        1 => (0_i64..30, 0_i64..30).prop_map(|(first, beyond)| graduated(first, beyond)),
        1 => (1_i64..9, 0_i64..9).prop_map(package),
        2 => (0_i64..30).prop_map(flat),
    ]
}

pub(crate) fn rated(book: &mut Book, records: impl IntoIterator<Item = u64>) -> Vec<String> {
    records.into_iter().flat_map(|record| book.tell(rate_usage(record))).collect()
}

#[test]
fn u4_the_same_price_moves_nothing_where_a_total_fell() {
    let mut book = used(&["10", "1", "1", "1"]);
    assert_eq!(book.balance(), "990 held 0 owed 0");
    assert_eq!(
        rated(&mut book, 2..=5),
        [
            "rated 10 after 10: nothing back nothing",
            "rated 0 after 0: nothing back nothing",
            "rated 0 after 0: nothing back nothing",
            "rated 0 after 0: nothing back nothing",
        ]
    );
    assert_eq!(book.tell(usage("m", "9")), ["used 1 1:1"], "what is carried is as it was");
}

#[test]
fn u4_a_month_rated_again_in_its_order_costs_what_it_would_have_cost() {
    let mut book = used(&["10", "1", "9", "1"]);
    book.price("m", after(-60), volume(5, 2));
    assert_eq!(
        rated(&mut book, 2..=5),
        [
            "rated 5 after 10: nothing back 1:5",
            "rated 0 after 0: nothing back nothing",
            "rated 0 after 0: nothing back nothing",
            "rated 0 after 0.5: nothing back 1:0.5",
        ],
        "21 units cost 4.2 now, and 0.8 of what was paid for ten is carried"
    );
    assert_eq!(book.tell(usage("m", "5")), ["used 0.2 1:0.2"]);
}

#[test]
fn u4_what_a_rise_leaves_over_is_carried_to_the_next_record_that_is_rated() {
    let mut book = used(&["10", "1", "9"]);
    book.price("m", after(-60), volume(20, 10));
    assert_eq!(rated(&mut book, [3]), ["rated 0 after 0: nothing back nothing"]);
    assert_eq!(rated(&mut book, [3]), ["rated 0 after 0: nothing back nothing"], "only once");
    assert_eq!(rated(&mut book, [4]), ["rated 0 after 0: nothing back nothing"]);
    assert_eq!(rated(&mut book, [2]), ["rated 20 after 10: 1:10 back nothing"]);
}

#[test]
fn u4_no_record_pays_for_another_ones_rise() {
    let mut book = used(&["10", "1", "9"]);
    book.price("m", after(-60), volume(5, 3));
    // The record made the total cheaper by 4.5 and 4.5 was set against the next; now it is 1.7.
    assert_eq!(rated(&mut book, [3]), ["rated 0 after 0: nothing back nothing"]);
    assert_eq!(book.tell(usage("m", "1")), ["used 0.3 1:0.3"], "its own step, no more");
}

#[test]
fn u4_records_from_before_the_carry_was_written_are_not_charged_it() {
    let mut book = used(&["10", "1", "1"]);
    book.wallet = Wallet::default();
    for event in &mut book.events {
        if let WalletEvent::UsageRecorded(e) = event {
            e.tally.as_mut().unwrap().carried = None;
        }
        book.wallet.apply(event).unwrap();
    }
    let unmoved = ["rated 0 after 0: nothing back nothing"];
    assert_eq!(rated(&mut book, [4]), unmoved);
    book.price("m", after(-60), volume(20, 10));
    assert_eq!(rated(&mut book, [4]), unmoved, "what was carried to it is not known");
    book.price("m", after(-60), volume(3, 1));
    assert_eq!(rated(&mut book, [2]), ["rated 3 after 10: nothing back 1:7"], "surely cheaper");
}

#[test]
fn u2_the_carry_that_came_in_is_written_with_the_step() {
    let book = used(&["10", "1", "1"]);
    let tally = |at: usize| match &book.events[at] {
        WalletEvent::UsageRecorded(e) => e.tally.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    let carries = |Tally { carried, carry, .. }| (carried, carry);
    assert_eq!(carries(tally(1)), (Some(Credits::ZERO), Credits::ZERO));
    assert_eq!(carries(tally(2)), (Some(Credits::ZERO), credits("-4.5")));
    assert_eq!(carries(tally(3)), (Some(credits("-4.5")), credits("-4")));
}

/// What happens to a book in which prices stay as they are.
#[derive(Clone, Debug)]
enum Step {
    Use(u8),
    UseUnpriced(u8),
    Rate(usize),
    Refund(usize, u8),
    Void(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u8..12).prop_map(Step::Use),
        1 => (0_u8..12).prop_map(Step::UseUnpriced),
        6 => any::<usize>().prop_map(Step::Rate),
        1 => (any::<usize>(), 1_u8..5).prop_map(|(which, amount)| Step::Refund(which, amount)),
        1 => any::<usize>().prop_map(Step::Void),
    ];
    prop::collection::vec(step, 1..60)
}

fn is_unpriced(book: &Book, record: EntryId) -> bool {
    let of = |event: &WalletEvent| matches!(event, WalletEvent::UsageRated(e) if e.of == record);
    let at = usize::try_from(record.position().0).unwrap() - 1;
    let unpriced = matches!(&book.events[at],
        WalletEvent::UsageRecorded(e) if matches!(e.rating, Rating::Unpriced { .. }));
    unpriced && !book.events.iter().any(of)
}

pub(crate) fn priced_book(aggregation: Aggregation) -> Book {
    let mut book = Book::new();
    book.meter("m", aggregation, UnpricedPolicy::RecordUnpriced);
    book.run(grant("100000")).unwrap();
    book
}

proptest! {
    #[test]
    fn u4_rating_again_by_the_same_price_moves_nothing(
        first in 0_i64..30,
        beyond in 0_i64..30,
        latest in any::<bool>(),
        steps in steps(),
    ) {
        let mut book = priced_book(if latest { Aggregation::Latest } else { Aggregation::Sum });
        let priced = book.meters.clone();
        book.price("m", after(-60), volume(first, beyond));
        let mut records: Vec<u64> = Vec::new();
        for step in steps {
            let pick = |which: usize| records.get(which % records.len().max(1)).copied();
            match step {
                Step::Use(quantity) => {
                    book.run(usage("m", &quantity.to_string())).unwrap();
                    records.push(book.events.len() as u64);
                }
                Step::UseUnpriced(quantity) => {
                    let meters = std::mem::replace(&mut book.meters, priced.clone());
                    book.run(usage("m", &quantity.to_string())).unwrap();
                    book.meters = meters;
                    records.push(book.events.len() as u64);
                }
                Step::Rate(which) => {
                    let Some(record) = pick(which) else { continue };
                    let joins = is_unpriced(&book, EntryId(Position(record)));
                    let before = book.balance();
                    let _void = book.run(rate_usage(record));
                    prop_assert!(joins || book.balance() == before, "{record} moved credits");
                }
                Step::Refund(which, amount) => {
                    let Some(record) = pick(which) else { continue };
                    let _too_much = book.run(refund(record, Some(&amount.to_string())));
                }
                Step::Void(which) => {
                    let Some(record) = pick(which) else { continue };
                    let _void = book.run(void_usage(record));
                }
            }
        }
    }

    #[test]
    fn u4_rating_a_month_again_is_recording_it_by_the_new_prices(
        prices in prop::collection::vec(price(), 2..5),
        latest in any::<bool>(),
        quantities in prop::collection::vec(0_u8..12, 1..20),
    ) {
        let aggregation = if latest { Aggregation::Latest } else { Aggregation::Sum };
        let month = |price: &Price| {
            let mut book = priced_book(aggregation);
            book.price("m", after(-60), price.clone());
            for quantity in &quantities {
                book.run(usage("m", &quantity.to_string())).unwrap();
            }
            book
        };
        let mut book = month(&prices[0]);
        for price in &prices[1..] {
            book.price("m", after(-60), price.clone());
            for record in 2..2 + quantities.len() as u64 {
                book.run(rate_usage(record)).unwrap();
            }
            let mut afresh = month(price);
            prop_assert_eq!(book.balance(), afresh.balance());
            let next = usage("m", "3");
            let cost = |events: Vec<Dated>| match &events[0].event {
                WalletEvent::UsageRecorded(e) => e.rating.clone(),
                other => panic!("{other:?}"),
            };
            prop_assert_eq!(cost(book.decide(&next).unwrap()), cost(afresh.run(next).unwrap()));
        }
    }

    #[test]
    fn u4_records_rated_in_any_order_have_paid_their_total_but_for_what_is_carried(
        from in (0_i64..30, 0_i64..30),
        to in (0_i64..30, 0_i64..30),
        quantities in prop::collection::vec(0_u8..12, 1..12),
        order in prop::collection::vec(any::<usize>(), 0..30),
    ) {
        let mut book = priced_book(Aggregation::Sum);
        book.price("m", after(-60), volume(from.0, from.1));
        for quantity in &quantities {
            book.run(usage("m", &quantity.to_string())).unwrap();
        }
        book.price("m", after(-60), volume(to.0, to.1));
        for which in order {
            book.run(rate_usage((which % quantities.len()) as u64 + 2)).unwrap();
        }
        for record in 2..2 + quantities.len() as u64 {
            book.run(rate_usage(record)).unwrap();
        }
        let units: i64 = quantities.iter().map(|quantity| i64::from(*quantity)).sum();
        let tenths = if units > 10 { to.1 } else { to.0 };
        let paid = 100_000 * 1_000_000 - book.wallet.balance(book.now).available.micros();
        prop_assert_eq!(paid + carried(&book), units * tenths * 100_000);
    }
}

/// What the period carries, in micros.
pub(crate) fn carried(book: &Book) -> i64 {
    let state = serde_json::to_value(&book.wallet).unwrap();
    let periods = state["tallies"]["m"].as_object().into_iter().flat_map(|m| m.values());
    let carries = periods.filter_map(|period| period["carries"].as_object());
    carries.flat_map(|carries| carries.values()).map(micros).sum()
}

fn micros(carry: &serde_json::Value) -> i64 {
    credits(carry.as_str().unwrap()).micros()
}

/// U4: earlier programs wrote what was carried to some records under the schema of those before,
/// where it is unknown. Each is read as it stands.
#[test]
fn u4_what_was_carried_is_read_where_an_earlier_schema_has_it() {
    let mut book = used(&["10", "1", "9"]);
    book.run(rate_usage(3)).unwrap();
    for (event, earlier) in [(&book.events[2], 1..=1), (&book.events[4], 1..=4)] {
        let read = |schema: u32, data: &serde_json::Value| {
            let data = serde_json::value::to_raw_value(data).unwrap();
            Event::decode("wallet", event.type_name(), schema, None, &data)
        };
        let written = serde_json::to_value(event).unwrap()["data"].take();
        let mut without = written.clone();
        without["tally"].as_object_mut().unwrap().remove("carried").expect("it is written");
        without.as_object_mut().unwrap().remove("carried_on");
        for schema in earlier.clone().chain([event.schema()]) {
            assert_eq!(read(schema, &written).unwrap(), Event::Wallet(event.clone()));
        }
        for schema in earlier {
            let (Event::Wallet(WalletEvent::UsageRecorded(UsageRecorded { tally, .. }))
            | Event::Wallet(WalletEvent::UsageRated(UsageRated { tally, .. }))) =
                read(schema, &without).unwrap()
            else {
                panic!("another event")
            };
            assert_eq!(tally.unwrap().carried, None);
        }
        let newer = read(event.schema() + 1, &written).unwrap_err();
        assert!(newer.is_newer(), "{newer}");
    }
    assert_eq!((book.events[2].schema(), book.events[4].schema()), (2, 5));
}

/// U4: the total of 24 costs 12. Of its steps of 10, -3 and 5 the last is void, so that 7 are paid
/// for what is left, and the next ten cost 2.
#[test]
fn u4_a_void_gives_back_what_had_been_carried_to_the_record() {
    let mut book = used(&["10", "4", "10"]);
    assert_eq!(book.balance(), "988 held 0 owed 0");
    book.run(void_usage(4)).unwrap();
    assert_eq!(book.balance(), "990 held 0 owed 0");
    assert_eq!(carried(&book), -3_000_000);
    let (event, next) = (book.events.last().unwrap().clone(), usage("m", "10"));
    assert_eq!(book.tell(next), ["used 2 1:2"]);
    assert_eq!(carried(&book), 0);

    let mut data = serde_json::to_value(&event).unwrap()["data"].take();
    data.as_object_mut().unwrap().remove("carried_back").expect("it is written");
    let data = serde_json::value::to_raw_value(&data).unwrap();
    let earlier = Event::decode("wallet", "UsageVoided", 2, None, &data).unwrap();
    let Event::Wallet(WalletEvent::UsageVoided(earlier)) = earlier else { panic!("{earlier:?}") };
    assert_eq!((earlier.carried_back, event.schema()), (None, 3));
}

#[test]
fn u4_a_void_gives_back_what_was_carried_by_the_last_rating() {
    let mut book = used(&["10", "4", "10"]);
    book.price("m", after(-60), volume(10, 2));
    assert_eq!(rated(&mut book, [3, 4]).len(), 2);
    let (paid, left) = (1_000_000_000 - available(&book), carried(&book));
    book.run(void_usage(4)).unwrap();
    let step = 2_000_000;
    assert_eq!(1_000_000_000 - available(&book) + carried(&book), paid + left - step);
}

/// What a record leaves to others stays theirs: nobody pays for others' being void.
#[test]
fn u4_a_void_takes_nothing_back_that_was_carried_to_others() {
    let mut book = used(&["10", "4"]);
    book.run(void_usage(3)).unwrap();
    assert_eq!(carried(&book), -3_000_000);
    assert_eq!(book.tell(usage("m", "10")), ["used 2 1:2"]);
}

fn available(book: &Book) -> i64 {
    book.wallet.balance(book.now).available.micros()
}
