//! Which meters and price tables are there, and what do they cost from when on?

use std::collections::BTreeMap;

use quipu_domain::meter::{
    Aggregation, MeterDefined, MeterEvent, MeterPriced, Price, UnpricedPolicy,
};
use quipu_domain::price_table::{PriceTableEvent, PricesPublished, TokenPrice};
use quipu_domain::{Event, MeterName, Stream};
use quipu_projections::{Meter, Meters, PriceTable, PriceTables};

use crate::support::{Story, text, time};

#[test]
fn a_meters_prices_are_kept_by_date_and_the_last_word_counts() {
    let mut story = Story::default();
    let name: MeterName = text("calls");
    let priced = |effective_at: &str, unit_price: &str| {
        let price = Price::Flat { unit_price: text(unit_price) };
        MeterEvent::MeterPriced(MeterPriced { effective_at: time(effective_at), price })
    };
    for event in [
        MeterEvent::MeterDefined(MeterDefined {
            meter: name.clone(),
            aggregation: Aggregation::UniqueCount,
            unit: Some(text("call")),
            unpriced: UnpricedPolicy::Refuse,
        }),
        priced("2026-02-01T00:00:00Z", "2"),
        priced("2026-01-01T00:00:00Z", "1"),
        priced("2026-02-01T00:00:00Z", "3"),
    ] {
        story.record(Stream::meter(&name), None, Event::Meter(event));
    }
    let row = story.rows::<Meter>(&Meters).remove(0);
    assert_eq!((row.aggregation, row.unit), (Aggregation::UniqueCount, Some(text("call"))));
    assert_eq!(&*row.unpriced, r#"{"policy":"refuse"}"#);
    assert_eq!(
        &*row.prices,
        r#"[{"effective_at":"2026-01-01T00:00:00Z","price":{"model":"flat","unit_price":"1"}},{"effective_at":"2026-02-01T00:00:00Z","price":{"model":"flat","unit_price":"3"}}]"#
    );
}

#[test]
fn a_price_table_keeps_every_publication() {
    let mut story = Story::default();
    for (effective_at, input) in [("2026-02-01T00:00:00Z", "2"), ("2026-01-01T00:00:00Z", "1")] {
        let price = TokenPrice { input: text(input), cached_input: None, output: text("4") };
        let published = PricesPublished {
            table: text("models"),
            effective_at: time(effective_at),
            models: BTreeMap::from([(text("large"), price)]),
            markup_percent: text("20"),
            source: None,
        };
        let event = PriceTableEvent::PricesPublished(published);
        story.record(Stream::price_table(&text("models")), None, Event::PriceTable(event));
    }
    let rows = story.rows::<PriceTable>(&PriceTables);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let publications: Vec<PricesPublished> = serde_json::from_str(&row.publications).unwrap();
    let dates: Vec<String> =
        publications.iter().map(|prices| prices.effective_at.to_string()).collect();
    assert_eq!(dates, ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]);
    assert!(row.changed_at > row.published_at);
}
