//! U3, U4: mistaken records are voided or rated again; the original stays.

use quipu_domain::meter::{Aggregation, Price, Tier, UnpricedPolicy};

use crate::support::{
    Book, after, debit, expiring, grant, rate_usage, refund, text, usage, void_usage,
};

fn flat(unit_price: &str) -> Price {
    Price::Flat { unit_price: text(unit_price) }
}

fn unpriced_book() -> Book {
    let mut book = Book::new();
    book.meter("m", Aggregation::Sum, UnpricedPolicy::RecordUnpriced);
    book.run(grant("10")).unwrap();
    book
}

#[test]
fn u4_a_void_returns_what_is_left_once() {
    let mut book = unpriced_book();
    book.price("m", after(0), flat("1"));
    book.run(usage("m", "6")).unwrap();
    book.run(refund(2, Some("2"))).unwrap();
    assert_eq!(book.tell(void_usage(2)), ["usage voided 1:4"]);
    assert_eq!(book.refused(void_usage(2)), "usage_already_void");
    assert_eq!(book.refused(rate_usage(2)), "usage_already_void");
    let refused = book.run(refund(2, None)).unwrap_err();
    assert_eq!(refused.code(), "refund_exceeds_debit");
    assert_eq!(refused.to_string(), "all of entry_2 is refunded already");
    assert_eq!(book.balance(), "10 held 0 owed 0");
}

#[test]
fn u4_only_usage_records_are_voided_or_rated() {
    let mut book = unpriced_book();
    book.run(debit("1")).unwrap();
    for command in [void_usage(2), rate_usage(2), void_usage(1), rate_usage(9)] {
        assert_eq!(book.refused(command), "unknown_entry");
    }
}

#[test]
fn u3_unpriced_usage_is_charged_when_its_price_is_known() {
    let mut book = unpriced_book();
    assert_eq!(book.tell(usage("m", "6")), ["used, unpriced"]);
    assert_eq!(book.refused(refund(2, None)), "not_refundable");
    assert_eq!(book.refused(rate_usage(2)), "usage_unpriceable");
    book.price("m", after(-60), flat("1"));
    assert_eq!(book.tell(rate_usage(2)), ["rated 6 after 0: 1:6 back nothing"]);
    assert_eq!(book.tell(refund(2, Some("2"))), ["refunded 1:2"]);
    assert_eq!(book.tell(void_usage(2)), ["usage voided 1:4"]);
}

#[test]
fn u4_rating_again_charges_or_returns_the_difference() {
    let mut book = unpriced_book();
    book.price("m", after(-60), flat("1"));
    book.run(usage("m", "4")).unwrap();
    assert_eq!(book.tell(rate_usage(2)), ["rated 4 after 4: nothing back nothing"]);
    book.price("m", after(-60), flat("1.5"));
    assert_eq!(book.tell(rate_usage(2)), ["rated 6 after 4: 1:2 back nothing"]);
    book.price("m", after(-60), flat("0.5"));
    assert_eq!(book.tell(rate_usage(2)), ["rated 2 after 6: nothing back 1:4"]);
    book.price("m", after(-60), flat("9"));
    assert_eq!(book.refused(rate_usage(2)), "insufficient_credits");
}

#[test]
fn u4_what_was_refunded_is_not_returned_twice_by_a_lower_price() {
    let mut book = unpriced_book();
    book.price("m", after(-60), flat("1"));
    book.run(usage("m", "6")).unwrap();
    book.run(refund(2, Some("5"))).unwrap();
    book.price("m", after(-60), flat("0.5"));
    assert_eq!(book.tell(rate_usage(2)), ["rated 3 after 6: nothing back 1:1"]);
}

#[test]
fn u4_what_a_lower_price_could_not_return_is_set_against_the_next_rise() {
    let mut book = unpriced_book();
    let mut priced = |unit_price: &str| {
        book.price("m", after(-60), flat(unit_price));
        if book.events.len() == 1 {
            book.run(usage("m", "10")).unwrap();
            book.run(refund(2, Some("8"))).unwrap();
        }
        book.tell(rate_usage(2)).remove(0)
    };
    assert_eq!(priced("1"), "rated 10 after 10: nothing back nothing");
    assert_eq!(priced("0.9"), "rated 9 after 10: nothing back 1:1");
    assert_eq!(priced("0.4"), "rated 4 after 9: nothing back 1:1", "4 could not be returned");
    assert_eq!(priced("0.6"), "rated 6 after 4: nothing back nothing");
    assert_eq!(priced("0.5"), "rated 5 after 6: nothing back nothing");
    assert_eq!(priced("0.9"), "rated 9 after 5: 1:1 back nothing");
    assert_eq!(priced("1"), "rated 10 after 9: 1:1 back nothing", "10, of which 8 are refunded");
}

#[test]
fn u4_a_later_charge_is_unwound_before_the_original() {
    let mut book = Book::new();
    book.meter("m", Aggregation::Sum, UnpricedPolicy::Refuse);
    book.price("m", after(-60), flat("1"));
    book.run(expiring("4", 60)).unwrap();
    book.run(usage("m", "4")).unwrap();
    book.run(expiring("9", 120)).unwrap();
    book.price("m", after(-60), flat("2"));
    assert_eq!(book.tell(rate_usage(2)), ["rated 8 after 4: 3:4 back nothing"]);
    book.run(debit("5")).unwrap();
    assert_eq!(book.tell(refund(2, Some("5"))), ["refunded 3:4 1:1"]);
    book.pass(60);
    assert_eq!(book.tell(void_usage(2)), ["usage voided 1:3", "expired 1:3"]);
}

#[test]
fn u4_a_record_in_a_running_total_keeps_its_step_of_it() {
    let tiers = |first: &str| {
        let tier = |up_to: Option<&str>, unit_price: &str| Tier {
            up_to: up_to.map(text),
            unit_price: text(unit_price),
            flat_price: text("0"),
        };
        Price::Graduated { tiers: vec![tier(Some("2"), first), tier(None, "0.5")] }
    };
    let mut book = unpriced_book();
    assert_eq!(book.tell(usage("m", "2")), ["used, unpriced"]);
    book.price("m", after(-60), tiers("1"));
    assert_eq!(book.tell(usage("m", "3")), ["used 2.5 1:2.5"]);
    assert_eq!(book.tell(rate_usage(2)), ["rated 1 after 0: 1:1 back nothing"]);
    assert_eq!(book.tell(usage("m", "2")), ["used 1 1:1"]);
    book.price("m", after(-60), tiers("2"));
    assert_eq!(book.tell(rate_usage(3)), ["rated 4.5 after 2.5: 1:2 back nothing"]);
    assert_eq!(book.tell(rate_usage(2)), ["rated 1 after 1: nothing back nothing"]);
}
