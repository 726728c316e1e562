//! U4: records that a later price takes out of the running total, or puts back into it.

use proptest::prelude::*;
use quipu_domain::meter::{Aggregation, Price, UnpricedPolicy};
use quipu_domain::wallet::event::{Rating, Usage};
use quipu_domain::wallet::{Wallet, WalletCommand, WalletEvent};

use crate::rerating::{carried, graduated, price, priced_book, rated, volume};
use crate::support::{Book, after, grant, rate_usage, some_usage, text, usage};

/// From when on another price may hold, in seconds after noon.
const LATER: i64 = -1_800;

fn flat(unit_price: &str) -> Price {
    Price::Flat { unit_price: text(unit_price) }
}

fn early(quantity: &str) -> WalletCommand {
    WalletCommand::RecordUsage(Usage { occurred_at: after(-3_600), ..some_usage("m", quantity) })
}

fn late(quantity: &str) -> WalletCommand {
    usage("m", quantity)
}

/// A thousand credits, and a meter at 1, or at 0.5 beyond ten.
fn by_volume() -> Book {
    let mut book = Book::new();
    book.meter("m", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
    book.price("m", after(-7_200), volume(10, 5));
    book.run(grant("1000")).unwrap();
    book
}

#[test]
fn u4_a_record_that_leaves_the_total_takes_back_what_it_left_over() {
    let mut book = by_volume();
    assert_eq!(book.tell(early("10")), ["used 10 1:10"]);
    assert_eq!(book.tell(early("1")), ["used 0 nothing"], "4.5 are left over");
    book.price("m", after(-7_200), flat("1"));
    book.price("m", after(LATER), volume(10, 5));
    assert_eq!(
        rated(&mut book, [2, 3]),
        ["rated 10 after 10: nothing back nothing", "rated 1 after 0: 1:1 back nothing"]
    );
    assert_eq!(carried(&book), 0);
    assert_eq!(book.tell(late("10")), ["used 10 1:10"], "the first ten of the total");
}

#[test]
fn u4_a_record_that_leaves_the_total_gives_back_what_had_been_carried_to_it() {
    let mut book = by_volume();
    book.run(early("10")).unwrap();
    book.run(early("1")).unwrap();
    assert_eq!(book.tell(late("10")), ["used 0.5 1:0.5"]);
    book.price("m", after(LATER), flat("0.5"));
    assert_eq!(
        rated(&mut book, 2..=4),
        [
            "rated 10 after 10: nothing back nothing",
            "rated 0 after 0: nothing back nothing",
            "rated 5 after 0.5: 1:4.5 back nothing",
        ]
    );
    assert_eq!(book.tell(early("5")), ["used 0 nothing"], "16 units cost 8, and 10 are paid");
    assert_eq!(carried(&book), -2_000_000);
}

#[test]
fn u4_records_after_one_that_leaves_have_their_step_without_it() {
    let mut book = by_volume();
    book.run(early("10")).unwrap();
    book.run(late("1")).unwrap();
    book.run(early("10")).unwrap();
    book.price("m", after(LATER), flat("1"));
    assert_eq!(
        rated(&mut book, 2..=4),
        [
            "rated 10 after 10: nothing back nothing",
            "rated 1 after 0: 1:1 back nothing",
            "rated 0 after 0.5: nothing back 1:0.5",
        ],
        "twenty units cost 10"
    );
    book.price("m", after(LATER), volume(10, 5));
    assert_eq!(
        rated(&mut book, 2..=4)[1..],
        ["rated 0 after 1: nothing back 1:1", "rated 0.5 after 0: 1:0.5 back nothing",]
    );
}

/// U4: both are rated again by the total, and the first one is before the second in it.
#[test]
fn u4_a_record_that_was_rated_by_itself_joins_the_total_at_its_place() {
    let mut book = priced_book(Aggregation::Sum);
    let one_tier = || graduated(10, 10);
    set_prices(&mut book, &(flat("2"), one_tier()));
    use_all(&mut book, &[(10, false), (10, true)]);
    set_prices(&mut book, &(graduated(10, 1_000), one_tier()));
    let by_the_total =
        ["rated 10 after 20: nothing back 1:10", "rated 10 after 10: nothing back nothing"];
    assert_eq!(rated(&mut book, [2, 3]), by_the_total);
}

#[test]
fn u4_prices_that_change_places_are_rated_once() {
    let mut book = priced_book(Aggregation::Sum);
    set_prices(&mut book, &(flat("1"), graduated(10, 1_000)));
    use_all(&mut book, &[(10, false), (10, true)]);
    set_prices(&mut book, &(graduated(10, 1_000), flat("1")));
    for _ in 0..2 {
        let unmoved = "rated 10 after 10: nothing back nothing";
        assert_eq!(rated(&mut book, [2, 3]), [unmoved, unmoved]);
    }
}

#[test]
fn u4_the_place_of_a_record_of_an_earlier_version_is_not_known() {
    let mut book = priced_book(Aggregation::Sum);
    set_prices(&mut book, &(flat("1"), graduated(10, 1_000)));
    use_all(&mut book, &[(10, false), (10, true), (10, false)]);
    book.wallet = Wallet::default();
    let mut places = Vec::new();
    for event in &mut book.events {
        if let WalletEvent::UsageRecorded(e) = event {
            places.push(e.tally.as_ref().map(|tally| tally.previous.to_string()));
            e.tally = e.tally.take().filter(|tally| tally.quantity != tally.previous);
        }
        book.wallet.apply(event).unwrap();
    }
    assert_eq!(places, [None, Some("0".into()), Some("10".into())]);
    set_prices(&mut book, &(graduated(10, 1_000), graduated(10, 1_000)));
    assert_eq!(
        rated(&mut book, [2]),
        ["rated 10 after 10: nothing back nothing"],
        "nothing before"
    );
    assert_eq!(rated(&mut book, [4]), ["rated 1000 after 10: 1:990 back nothing"], "at the end");
}

/// One price until later, and another one from then on.
type Halves = (Price, Price);

fn set_prices(book: &mut Book, (first, second): &Halves) {
    book.price("m", after(-7_200), first.clone());
    book.price("m", after(LATER), second.clone());
}

fn month(prices: &Halves, records: &[(u8, bool)]) -> Book {
    let mut book = priced_book(Aggregation::Sum);
    set_prices(&mut book, prices);
    use_all(&mut book, records);
    book
}

/// How much, and whether it is of later.
fn use_all(book: &mut Book, records: &[(u8, bool)]) {
    for (quantity, is_late) in records {
        let quantity = quantity.to_string();
        book.run(if *is_late { late(&quantity) } else { early(&quantity) }).unwrap();
    }
}

fn rating(book: &Book, usage: &WalletCommand) -> Rating {
    match &book.decide(usage).unwrap()[0].event {
        WalletEvent::UsageRecorded(e) => e.rating.clone(),
        other => panic!("{other:?}"),
    }
}

/// What was paid and what is left over of it, in micros.
fn paid(book: &Book) -> i64 {
    carried(book) - book.wallet.balance(book.now).available.micros()
}

proptest! {
    #[test]
    fn u4_a_month_of_two_prices_rated_again_is_recording_it_by_the_new_ones(
        before in (price(), price()),
        prices in prop::collection::vec((price(), price()), 1..4),
        records in prop::collection::vec((0_u8..12, any::<bool>()), 1..16),
        order in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let mut book = month(&before, &records);
        for prices in &prices {
            set_prices(&mut book, prices);
            for record in 2..2 + records.len() as u64 {
                book.run(rate_usage(record)).unwrap();
            }
            let afresh = month(prices, &records);
            prop_assert_eq!(book.balance(), afresh.balance());
            for next in [early("3"), late("3")] {
                prop_assert_eq!(rating(&book, &next), rating(&afresh, &next));
            }
            for which in &order {
                book.run(rate_usage((which % records.len()) as u64 + 2)).unwrap();
            }
            prop_assert_eq!(paid(&book), paid(&afresh), "the same prices in any order");
        }
    }

    #[test]
    fn u4_records_that_leave_and_come_back_in_any_order_have_paid_what_they_would_have(
        before in (price(), price()),
        prices in (price(), price()),
        between in (price(), price()),
        records in prop::collection::vec((0_u8..12, any::<bool>()), 1..12),
        order in prop::collection::vec(any::<usize>(), 0..20),
        more in prop::collection::vec(0_u8..12, 0..4),
    ) {
        let mut book = month(&before, &records);
        set_prices(&mut book, &between);
        for which in &order {
            book.run(rate_usage((which % records.len()) as u64 + 2)).unwrap();
        }
        set_prices(&mut book, &prices);
        for which in order {
            book.run(rate_usage((which % records.len()) as u64 + 2)).unwrap();
        }
        let more: Vec<(u8, bool)> = more.into_iter().map(|quantity| (quantity, false)).collect();
        let more = if matches!(prices.0, Price::Flat { .. }) { Vec::new() } else { more };
        let first = book.events.len() as u64 + 1;
        use_all(&mut book, &more);
        for record in (2..2 + records.len() as u64).chain(first..first + more.len() as u64) {
            book.run(rate_usage(record)).unwrap();
        }
        let all = [records, more].concat();
        prop_assert_eq!(paid(&book), paid(&month(&prices, &all)));
    }
}
