//! How much was used, per hour, day and month?

use quipu_domain::wallet::WalletEvent;
use quipu_domain::wallet::event::{
    Draws, LotReturn, Rating, Returns, Tokens, Usage, UsageRated, UsageRecorded, UsageVoided,
};
use quipu_domain::{Credits, EntryId, GrantId};
use quipu_projections::{
    Quantity, UnpricedUsage, Usage as UsageProjection, UsageTotal, WindowUnit,
};

use crate::support::{Story, by, credits, from_lots, terms, text, time};

/// A record half an hour before a Berlin midnight that is a month's end there.
pub(crate) fn recorded(story: &Story, quantity: &str, rating: Rating) -> UsageRecorded {
    UsageRecorded {
        entry: EntryId(story.next()),
        usage: Usage {
            meter: text("calls"),
            quantity: Some(text(quantity)),
            tokens: Some(Tokens { input: 100, cached_input: 20, output: 30 }),
            value: None,
            attribution: by("writer"),
            occurred_at: time("2026-10-31T22:30:00Z"),
            source: text("probe"),
            id: text("u-1"),
        },
        rating,
        draws: Draws::default(),
        tally: None,
    }
}

fn priced(story: &mut Story, quantity: &str, grant: GrantId, amount: &str) -> EntryId {
    let rating = Rating::Rated { amount: credits(amount), price: text("meter calls") };
    let draws = from_lots(&[(grant, amount)]);
    let event = UsageRecorded { draws, ..recorded(story, quantity, rating) };
    EntryId(story.wallet(WalletEvent::UsageRecorded(event)))
}

fn returns(grant: GrantId, amount: &str) -> Returns {
    let lot = LotReturn { grant, amount: credits(amount), terms: terms() };
    Returns { lots: vec![lot], ..Returns::default() }
}

fn totals(story: &Story) -> Vec<String> {
    let tell = |row: &UsageTotal| {
        let quantity = Quantity::from_columns(row.quantity_units, row.quantity_parts);
        format!(
            "{:?} {}: {} records, {}, {} micros, {} unpriced, {} voided",
            row.window_unit,
            row.window_start,
            row.records,
            quantity,
            row.cost_micros(),
            row.unpriced,
            row.voided
        )
    };
    story.rows::<UsageTotal>(&UsageProjection).iter().map(tell).collect()
}

#[test]
fn a_record_counts_in_its_hour_and_in_the_tenants_day_and_month() {
    let mut story = Story::new();
    let grant = story.grant("10");
    priced(&mut story, "0.1", grant, "1");
    priced(&mut story, "0.2", grant, "2");
    assert_eq!(
        totals(&story),
        [
            "Day 2026-10-30T23:00:00Z: 2 records, 0.3, 3000000 micros, 0 unpriced, 0 voided",
            "Hour 2026-10-31T22:00:00Z: 2 records, 0.3, 3000000 micros, 0 unpriced, 0 voided",
            "Month 2026-09-30T22:00:00Z: 2 records, 0.3, 3000000 micros, 0 unpriced, 0 voided",
        ]
    );
    let row = story.rows::<UsageTotal>(&UsageProjection).remove(0);
    let tokens = (row.input_tokens, row.cached_input_tokens, row.output_tokens);
    assert_eq!(tokens, (200, 40, 60));
}

#[test]
fn m3_a_window_costs_more_than_an_amount_may_be() {
    let mut story = Story::new();
    for _ in 0..12 {
        let grant = story.grant("1000000000000");
        priced(&mut story, "1000000000000", grant, "1000000000000");
    }
    let rows = story.rows::<UsageTotal>(&UsageProjection);
    assert!(rows.iter().all(|row| row.cost_micros() == 12_000_000_000_000_000_000), "{rows:?}");
}

#[test]
fn a_voided_record_counts_no_more_where_it_counted() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let of = priced(&mut story, "0.1", grant, "1");
    priced(&mut story, "5", grant, "2");
    let entry = EntryId(story.next());
    story.wallet(WalletEvent::UsageVoided(UsageVoided {
        entry,
        of,
        meter: text("calls"),
        amount: credits("1"),
        returns: returns(grant, "1"),
        carried_back: None,
        reason: text("a mistake"),
    }));
    let rows = totals(&story);
    assert!(
        rows.iter()
            .all(|row| { row.ends_with("1 records, 5, 2000000 micros, 0 unpriced, 1 voided") }),
        "{rows:?}"
    );
}

#[test]
fn a_record_is_unpriced_until_it_is_rated() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let why = Rating::Unpriced { why: text("no price yet") };
    let of = EntryId(story.next());
    story.wallet(WalletEvent::UsageRecorded(recorded(&story, "3", why)));
    assert!(totals(&story)[0].ends_with("1 records, 3, 0 micros, 1 unpriced, 0 voided"));
    assert_eq!(story.rows::<UnpricedUsage>(&UsageProjection)[0].entry_position, of);
    let rate = |entry, previous, amount, draws, returns| {
        WalletEvent::UsageRated(UsageRated {
            entry,
            of,
            meter: text("calls"),
            previous: credits(previous),
            amount: credits(amount),
            price: text("meter calls"),
            draws,
            returns,
            tally: None,
            carried_on: None,
            reason: text("priced"),
        })
    };
    let entry = EntryId(story.next());
    story.wallet(rate(entry, "0", "3", from_lots(&[(grant, "3")]), Returns::default()));
    assert!(totals(&story)[0].ends_with("1 records, 3, 3000000 micros, 0 unpriced, 0 voided"));
    assert_eq!(story.rows::<UnpricedUsage>(&UsageProjection), []);
    let entry = EntryId(story.next());
    story.wallet(rate(entry, "3", "1", Draws::default(), returns(grant, "2")));
    assert!(totals(&story)[0].ends_with("1 records, 3, 1000000 micros, 0 unpriced, 0 voided"));
}

#[test]
fn a_correction_of_what_is_no_usage_record_is_poison() {
    let mut story = Story::new();
    let grant = story.grant("10");
    let entry = EntryId(story.next());
    story.wallet(WalletEvent::UsageVoided(UsageVoided {
        entry,
        of: EntryId(grant.position()),
        meter: text("calls"),
        amount: Credits::ZERO,
        returns: Returns::default(),
        carried_back: None,
        reason: text("a mistake"),
    }));
    let fold = story.fold(&UsageProjection);
    let parked = &fold.projections()[0].parked[&Some(text("t_acme"))];
    assert_eq!(parked.position, entry.position());
    assert!(parked.error.contains("is not a usage record"), "{}", parked.error);
}

#[test]
fn windows_have_their_names_in_the_rows() {
    let mut story = Story::new();
    let grant = story.grant("10");
    priced(&mut story, "1", grant, "1");
    let rows = story.rows::<UsageTotal>(&UsageProjection);
    let units: Vec<WindowUnit> = rows.iter().map(|row| row.window_unit).collect();
    assert_eq!(units, [WindowUnit::Day, WindowUnit::Hour, WindowUnit::Month]);
}
