//! U1-U3: usage recorded, rated and paid for.

use quipu_domain::meter::{Aggregation, Price, Tier, UnpricedPolicy};
use quipu_domain::price_table::{PricesPublished, TokenPrice};
use quipu_domain::wallet::event::{Rating, Tokens, Usage, UsageRecorded};
use quipu_domain::wallet::{Wallet, WalletCommand, WalletEvent};

use crate::support::{Book, after, credits, grant, limit, rate_usage, some_usage, text, usage};

fn flat(unit_price: &str) -> Price {
    Price::Flat { unit_price: text(unit_price) }
}

fn tier(up_to: Option<&str>, unit_price: &str) -> Tier {
    let flat_price = text("0");
    Tier { up_to: up_to.map(text), unit_price: text(unit_price), flat_price }
}

/// A meter with a price since a day before noon, and 1,000 credits to spend on it.
fn priced(aggregation: Aggregation, price: Price) -> Book {
    let mut book = Book::new();
    book.meter("m", aggregation, UnpricedPolicy::Refuse);
    book.price("m", after(-86_400), price);
    book.run(grant("1000")).unwrap();
    book
}

fn record(change: impl FnOnce(&mut Usage)) -> WalletCommand {
    let mut usage = some_usage("m", "1");
    change(&mut usage);
    WalletCommand::RecordUsage(usage)
}

/// What each record of a series costs.
fn costs(book: &mut Book, records: impl IntoIterator<Item = WalletCommand>) -> Vec<String> {
    let cost = |command| match &book.run(command).unwrap()[0].event {
        WalletEvent::UsageRecorded(e) => e.draws.total().to_string(),
        other => panic!("{other:?}"),
    };
    records.into_iter().map(cost).collect()
}

fn quantities(quantities: &[&str]) -> Vec<WalletCommand> {
    quantities.iter().map(|quantity| usage("m", quantity)).collect()
}

#[test]
fn u2_sums_cost_quantity_times_price_and_counts_cost_one_each() {
    let mut book = priced(Aggregation::Sum, flat("0.25"));
    assert_eq!(costs(&mut book, quantities(&["4", "0.5", "0"])), ["1", "0.125", "0"]);
    let mut book = priced(Aggregation::Count, flat("0.25"));
    let no_quantity = record(|usage| usage.quantity = None);
    assert_eq!(costs(&mut book, [usage("m", "4"), no_quantity]), ["0.25", "0.25"]);
}

#[test]
fn u2_graduated_prices_follow_the_running_total() {
    let tiers = vec![tier(Some("10"), "1"), tier(None, "0.1")];
    let mut book = priced(Aggregation::Sum, Price::Graduated { tiers });
    assert_eq!(costs(&mut book, quantities(&["4", "8", "10"])), ["4", "6.2", "1"]);
}

#[test]
fn u2_a_total_that_gets_cheaper_is_carried_against_the_next_charges() {
    let tiers = vec![tier(Some("10"), "1"), tier(None, "0.5")];
    let mut book = priced(Aggregation::Sum, Price::Volume { tiers });
    // The total price goes 10, 5.5, 7.5, 10.5: what is paid never goes back and never runs ahead.
    assert_eq!(costs(&mut book, quantities(&["10", "1", "4", "6"])), ["10", "0", "0", "0.5"]);
}

#[test]
fn u2_packages_are_paid_when_they_are_started() {
    let price = Price::Package { size: text("100"), package_price: text("7") };
    let mut book = priced(Aggregation::Sum, price);
    assert_eq!(costs(&mut book, quantities(&["1", "99", "1"])), ["7", "0", "7"]);
}

#[test]
fn u2_the_highest_of_the_period_counts() {
    let mut book = priced(Aggregation::Max, flat("2"));
    assert_eq!(costs(&mut book, quantities(&["3", "2", "5"])), ["6", "0", "4"]);
}

#[test]
fn u2_each_different_value_counts_once() {
    let mut book = priced(Aggregation::UniqueCount, flat("2"));
    let of = |value: &str| {
        let value = Some(text(value));
        record(|usage| usage.value = value)
    };
    assert_eq!(costs(&mut book, [of("a"), of("b"), of("a")]), ["2", "2", "0"]);
    assert_eq!(book.refused(usage("m", "1")), "invalid_usage");
}

#[test]
fn u2_the_record_that_occurred_last_counts() {
    let mut book = priced(Aggregation::Latest, flat("1"));
    let at = |seconds, quantity: &str| {
        let quantity = Some(text(quantity));
        record(|usage| {
            usage.occurred_at = after(seconds);
            usage.quantity = quantity;
        })
    };
    let records = [at(-60, "5"), at(-120, "9"), at(-30, "2"), at(0, "6"), at(0, "7")];
    assert_eq!(costs(&mut book, records), ["5", "0", "0", "1", "1"]);
}

#[test]
fn m6_a_running_total_begins_anew_with_the_month_of_the_tenants_zone() {
    let tiers = vec![tier(Some("10"), "1"), tier(None, "0")];
    let mut book = priced(Aggregation::Sum, Price::Graduated { tiers });
    book.now = text("2026-11-30T23:30:00Z");
    let at = |time: &str| {
        let (occurred_at, quantity) = (text(time), Some(text("10")));
        record(|usage| {
            usage.occurred_at = occurred_at;
            usage.quantity = quantity;
        })
    };
    let records =
        [at("2026-11-30T22:59:59Z"), at("2026-11-30T22:59:59Z"), at("2026-11-30T23:00:00Z")];
    assert_eq!(costs(&mut book, records), ["10", "0", "10"]);
}

fn token_book(unpriced: UnpricedPolicy) -> Book {
    let mut book = Book::new();
    book.meter("m", Aggregation::Sum, unpriced);
    book.price("m", after(-86_400), Price::Tokens { price_table: text("models") });
    let price = |input: &str, cached: Option<&str>, output: &str| TokenPrice {
        input: text(input),
        cached_input: cached.map(text),
        output: text(output),
    };
    let prices = |effective_at, input: &str, markup: &str| PricesPublished {
        table: text("models"),
        effective_at,
        models: [
            (text("large"), price(input, Some("0.25"), "10")),
            (text("plain"), price(input, None, "10")),
        ]
        .into(),
        markup_percent: text(markup),
        source: None,
    };
    book.publish(prices(after(-86_400), "2.5", "0"));
    book.publish(prices(after(-60), "5", "20"));
    book.run(grant("1000")).unwrap();
    book
}

fn tokens(model: &str, seconds: i64) -> WalletCommand {
    let model = Some(text(model));
    record(|usage| {
        usage.quantity = None;
        usage.tokens = Some(Tokens { input: 1_000, cached_input: 2_000, output: 101 });
        usage.attribution.model = model;
        usage.occurred_at = after(seconds);
    })
}

#[test]
fn u2_tokens_cost_what_their_model_cost_when_they_were_used() {
    let mut book = token_book(UnpricedPolicy::Refuse);
    let records = [tokens("large", -61), tokens("large", -60), tokens("plain", -61)];
    // (1000*2.5 + 2000*0.25 + 101*10)/10^6; the second with 5 for 2.5 and 20 % more.
    assert_eq!(costs(&mut book, records), ["0.00401", "0.007812", "0.00851"]);
    let WalletEvent::UsageRecorded(recorded) = &book.events[1] else { panic!() };
    let price = text("table models from 2026-11-14T12:00:00Z");
    assert_eq!(recorded.rating, Rating::Rated { amount: credits("0.00401"), price });
}

#[test]
fn u3_a_model_without_a_price_is_treated_by_the_meters_policy() {
    let mut book = token_book(UnpricedPolicy::Refuse);
    assert_eq!(book.refused(tokens("other", 0)), "usage_unpriceable");
    let mut book = token_book(UnpricedPolicy::RecordUnpriced);
    assert_eq!(book.tell(tokens("other", 0)), ["used, unpriced"]);
    let unit_price = text("0.001");
    let mut book = token_book(UnpricedPolicy::DefaultPrice { unit_price });
    assert_eq!(book.tell(tokens("other", 0)), ["used 3.101 1:3.101"]);
}

#[test]
fn u3_usage_before_the_first_price_is_never_silently_free() {
    let mut book = priced(Aggregation::Sum, flat("1"));
    let before = record(|usage| usage.occurred_at = after(-86_401));
    assert_eq!(book.refused(before), "usage_unpriceable");
    let mut free = priced(Aggregation::Sum, flat("0"));
    let events = free.run(usage("m", "5")).unwrap();
    let WalletEvent::UsageRecorded(recorded) = &events[0].event else { panic!() };
    assert!(matches!(&recorded.rating, Rating::Rated { amount, .. } if amount.is_zero()));
}

#[test]
fn u1_a_record_must_fit_what_its_meter_counts() {
    let mut book = priced(Aggregation::Sum, flat("1"));
    for (why, change) in [
        ("no quantity", (|usage| usage.quantity = None) as fn(&mut Usage)),
        ("below zero", |usage| usage.quantity = Some(text("-1"))),
        ("13 decimals", |usage| usage.quantity = Some(text("0.0000000000001"))),
        ("too much", |usage| usage.quantity = Some(text("1000000000000.1"))),
        ("a value", |usage| usage.value = Some(text("a"))),
    ] {
        assert_eq!(book.refused(record(change)), "invalid_usage", "{why}");
    }
    let mut book = token_book(UnpricedPolicy::RecordUnpriced);
    assert_eq!(book.refused(usage("m", "1")), "invalid_usage", "no tokens");
    let WalletCommand::RecordUsage(mut usage) = tokens("large", 0) else { panic!() };
    usage.attribution.model = None;
    assert_eq!(book.refused(WalletCommand::RecordUsage(usage)), "invalid_usage", "no model");
}

#[test]
fn u1_a_record_may_be_late_within_the_window_and_ahead_by_five_minutes() {
    let mut book = priced(Aggregation::Sum, flat("1"));
    book.price("m", after(-40 * 86_400), flat("1"));
    let at = |seconds| record(|usage| usage.occurred_at = after(seconds));
    assert_eq!(book.refused(at(-30 * 86_400 - 1)), "too_far_back");
    assert_eq!(book.refused(at(301)), "in_the_future");
    assert_eq!(costs(&mut book, [at(-30 * 86_400), at(300)]), ["1", "1"]);
}

#[test]
fn w4_usage_beyond_what_can_be_spent_is_refused_and_may_use_overdraft() {
    let mut book = priced(Aggregation::Sum, flat("1"));
    assert_eq!(book.refused(usage("m", "1001")), "insufficient_credits");
    book.run(limit("1")).unwrap();
    assert_eq!(book.tell(usage("m", "1001")), ["used 1001 1:1000 owed:1"]);
}

/// What a gateway counts in bytes: a total that is far beyond any amount of credits, and costs few.
#[test]
fn u2_a_total_may_be_larger_than_any_one_record() {
    let per_byte = |unit_price| Price::Volume { tiers: vec![tier(None, unit_price)] };
    let mut book = priced(Aggregation::Sum, per_byte("0.00000000001"));
    let terabyte = || usage("m", "1000000000000");
    assert_eq!(costs(&mut book, [terabyte(), terabyte(), terabyte()]), ["10", "10", "10"]);
    assert_eq!(costs(&mut book, quantities(&["0.000000000001", "100000"])), ["0", "0.000001"]);
    assert_eq!(book.tell(rate_usage(3)), ["rated 10 after 10: nothing back nothing"]);
}

#[test]
fn u2_a_total_beyond_its_own_limit_is_refused_and_named() {
    let mut book = priced(
        Aggregation::Sum,
        Price::Package { size: text("1000000"), package_price: text("0") },
    );
    book.run(usage("m", "1")).unwrap();
    book.price("m", after(-86_400), flat("0"));
    book.run(usage("m", "1")).unwrap();
    let events = &mut book.events[1..];
    for event in events.iter_mut() {
        let WalletEvent::UsageRecorded(UsageRecorded { tally: Some(tally), .. }) = event else {
            panic!("{event:?}")
        };
        tally.quantity = text("9999999999999999.999999999999");
    }
    let [WalletEvent::UsageRecorded(_), WalletEvent::UsageRecorded(beside)] = events else {
        panic!("two records")
    };
    beside.tally.as_mut().unwrap().previous = text("9999999999999999.999999999999");
    book.wallet = Wallet::default();
    book.events.iter().for_each(|event| book.wallet.apply(event).unwrap());
    book.price(
        "m",
        after(-86_400),
        Price::Package { size: text("1000000"), package_price: text("0") },
    );
    for beyond in [usage("m", "0.000000000002"), rate_usage(3)] {
        let refusal = book.run(beyond).unwrap_err();
        let told = refusal.to_string();
        assert!(
            told.starts_with("the usage record does not fit meter m: the period's total"),
            "{told}"
        );
        assert!(told.ends_with("is beyond 10^16"), "{told}");
    }
    assert_eq!(costs(&mut book, quantities(&["0.000000000001"])), ["0"]);
}

#[test]
fn m3_a_price_beyond_the_limit_is_refused() {
    let mut book = priced(Aggregation::Sum, flat("1000000000000"));
    assert_eq!(book.refused(usage("m", "1000000000000")), "amount_out_of_range");
}
