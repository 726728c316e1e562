//! Parquet, read back: as many events as there are, and the views' own rows.

use std::collections::BTreeMap;
use std::fs::File;

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Row, RowAccessor as _};
use rust_decimal::Decimal;

use super::ExportedBook;

pub(super) fn parquet_has_every_event_and_the_views_rows(book: &ExportedBook<'_>) {
    let (file, summary) = book.export("parquet", "events.parquet", &[]);
    let events = rows(&file);
    let head = book.client.head();
    assert_eq!((&summary["position"], &summary["rows"]), (&head.into(), &head.into()));
    let positions: Vec<u64> = events.iter().map(|row| number(row, 0)).collect();
    assert_eq!(positions, (1..=head).collect::<Vec<u64>>());
    let types = events.iter().map(|row| row.get_string(4).expect("a type").as_str());
    let of_journal = book.client.get("/v1/events?limit=1000").ok();
    let of_journal = of_journal["events"].as_array().expect("a list").clone();
    assert!(types.eq(of_journal.iter().map(|event| event["type"].as_str().expect("a type"))));
    for (row, event) in events.iter().zip(&of_journal) {
        let data = row.get_string(12).expect("data");
        let data: serde_json::Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(data, event["data"]);
    }

    let (file, summary) = book.export("parquet", "account.parquet", &["account"]);
    assert_eq!(summary["position"], head);
    let accounts = rows(&file).into_iter().map(|row| {
        let text = |index: usize| row.get_string(index).expect("a text").clone();
        let micros = row.get_long(2).expect("a balance");
        ((text(0), text(1)), Decimal::new(micros, 6))
    });
    assert_eq!(accounts.collect::<BTreeMap<_, _>>(), book.accounts());
}

fn rows(file: &str) -> Vec<Row> {
    let file = SerializedFileReader::new(File::open(file).expect("it is there")).expect("Parquet");
    let rows = file.get_row_iter(None).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn number(row: &Row, index: usize) -> u64 {
    row.get_long(index).expect("a number").try_into().expect("not below zero")
}
